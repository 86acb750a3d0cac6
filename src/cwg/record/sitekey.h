/* The key pair of a site: Ed25519 (RFC 8032). A site signs with it what it tells other sites. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "cwg/base/failure.h"
#include "link/key.h"

enum {
    SITEKEY_ID_SIZE = 17, /* 16 hexadecimal digits and a NUL */
    SIGNATURE_SIZE = 64,
};

/* The public half is 32 bytes, as a key of WireGuard is: its text form is the same. */
struct sitekey {
    struct evp_pkey_st *pair; /* libcrypto's EVP_PKEY; NULL if there is none */
    struct key public;
};

/* Reads a key pair from a file: PEM of PKCS #8 (RFC 5958), as `openssl genpkey -algorithm ed25519`
 * writes it. The file has to be a regular one of the caller's, which nobody else can read. Returns
 * 0; 1 if there is no such file; or -1. */
int sitekey_read(const char *path, struct sitekey *ret_key, struct failure *failure);

/* Makes a key pair, and writes it to a new file of mode 0600. Returns 0, or -1: also if the file is
 * there already. */
int sitekey_make(const char *path, struct sitekey *ret_key, struct failure *failure);

/* Wipes the private half. */
void sitekey_close(struct sitekey *key);

/* Writes the name of a public key: the first 16 hexadecimal digits of its SHA-256. */
void sitekey_id(const struct key *public, char ret_id[static SITEKEY_ID_SIZE]);

/* Signs bytes. Returns 0, or -1 if libcrypto can't. */
int sitekey_sign(const struct sitekey *key, const void *bytes, size_t length,
                 uint8_t ret_signature[static SIGNATURE_SIZE]);

/* Returns whether the key's owner has signed these bytes. */
bool sitekey_verify(const struct key *public, const void *bytes, size_t length,
                    const uint8_t signature[static SIGNATURE_SIZE]);
