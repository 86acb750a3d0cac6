/* OpenSSL's libcrypto: its default provider, in a library context of our own, so that no
 * openssl.cnf and no environment has a say. Everything is looked up at start; afterwards the
 * sandbox allows no file to be opened. */
#pragma once

#include <stdbool.h>

struct ossl_lib_ctx_st;

/* To be called before the functions below; more than once is the same as once. Returns false if
 * there is no memory. */
bool libcrypto_start(void);

struct ossl_lib_ctx_st *libcrypto_context(void);

/* What a provider's algorithms are made by (provider-base(7)). */
void *libcrypto_provider_context(void);

typedef void libcrypto_function(void);

/* A provider's function itself (openssl/core_dispatch.h): for one of the operations OSSL_OP_..., an
 * algorithm's name, and the number OSSL_FUNC_.... Returns NULL if there is none. */
libcrypto_function *libcrypto_find(int operation, const char *algorithm, int function);

/* Ends the program if `success` is not 1: for functions that fail only without memory, and need
 * none, since all that they need was made at start. To go on would be to send plain text. */
void libcrypto_must(int success);
