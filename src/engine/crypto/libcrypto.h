/* OpenSSL's libcrypto: its default provider in a library context of the engine's own, so that
 * neither openssl.cnf nor the environment counts. Everything is looked up at start: later the
 * sandbox lets nothing be opened. The context is the process's, and never changes after the start.
 */
#pragma once

#include <stdbool.h>

struct ossl_lib_ctx_st;

/* Prepares the functions below; a second call changes nothing. Returns false without memory. */
bool libcrypto_start(void);

struct ossl_lib_ctx_st *libcrypto_context(void);

/* Returns the context that a provider's algorithms are made with (provider-base(7)). */
void *libcrypto_provider_context(void);

typedef void libcrypto_function(void);

/* Returns a function of the provider itself (openssl/core_dispatch.h): of an operation OSSL_OP_...,
 * an algorithm's name, and a number OSSL_FUNC_...; NULL if there is none. */
libcrypto_function *libcrypto_find(int operation, const char *algorithm, int function);

/* Ends the program if `success` is not 1. For functions that fail only without memory, and need
 * none after the start. To go on after such a failure could send plain text. */
void libcrypto_must(int success);
