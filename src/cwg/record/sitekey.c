#include "cwg/record/sitekey.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cwg/base/directory.h"

enum {
    FILE_MAX = 4096,
};

/* Takes a key pair over, with its public half. */
static int take_pair(EVP_PKEY *pair, const char *path, struct sitekey *ret_key,
                     struct failure *failure)
{
    struct sitekey key = {.pair = pair};
    size_t length = sizeof(key.public.bytes);

    if (!pair || EVP_PKEY_id(pair) != EVP_PKEY_ED25519 ||
        EVP_PKEY_get_raw_public_key(pair, key.public.bytes, &length) != 1 ||
        length != sizeof(key.public.bytes)) {
        EVP_PKEY_free(pair);
        return fail(failure, "key",
                    "%.500s has no Ed25519 key: restore it from a copy, or move it away and let "
                    "cwg make a new one",
                    path);
    }
    *ret_key = key;
    return 0;
}

/* An encrypted key has no place here: nobody is there to type its password. */
static int no_password(char *buffer, int size, int writing, void *context)
{
    (void)buffer, (void)size, (void)writing, (void)context;
    return -1;
}

int sitekey_read(const char *path, struct sitekey *ret_key, struct failure *failure)
{
    const int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat status;
    FILE *file;
    EVP_PKEY *pair;

    *ret_key = (struct sitekey){.pair = NULL};
    if (fd < 0 && errno == ENOENT)
        return 1;
    if (fd < 0 || fstat(fd, &status) < 0) {
        const int error = errno;

        if (fd >= 0)
            close(fd);
        return fail(failure, "key", "can't read %.500s: %s", path, strerror(error));
    }
    if (!S_ISREG(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 077) ||
        status.st_size > FILE_MAX) {
        close(fd);
        return fail(failure, "key",
                    "%.500s isn't a private key's file: it has to be yours alone (chmod 0600)",
                    path);
    }
    file = fdopen(fd, "r");
    if (!file) {
        close(fd);
        return fail_errno(failure, ENOMEM, "can't read the site's key");
    }
    pair = PEM_read_PrivateKey(file, NULL, no_password, NULL);
    (void)fclose(file);
    return take_pair(pair, path, ret_key, failure);
}

static int write_pair(int fd, EVP_PKEY *pair)
{
    FILE *file = fdopen(fd, "w");
    int error;

    if (!file) {
        close(fd);
        return -1;
    }
    error = PEM_write_PKCS8PrivateKey(file, pair, NULL, NULL, 0, NULL, NULL) != 1 ||
            fflush(file) != 0 || fsync(fd) != 0;
    return fclose(file) != 0 || error ? -1 : 0;
}

/* Puts a whole file in place, if there is none. A loss of power leaves none, or all of it. */
static int put_in_place(const char *temporary, const char *path)
{
    char above[PATH_MAX];
    int directory, error = link(temporary, path) < 0 ? errno : 0;

    (void)unlink(temporary);
    (void)snprintf(above, sizeof(above), "%.4000s", path);
    directory = open(dirname(above), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0) {
        (void)fsync(directory);
        close(directory);
    }
    errno = error;
    return error ? -1 : 0;
}

int sitekey_make(const char *path, struct sitekey *ret_key, struct failure *failure)
{
    EVP_PKEY *pair = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    char temporary[PATH_MAX];
    int fd;

    *ret_key = (struct sitekey){.pair = NULL};
    if (!pair)
        return fail(failure, "key", "libcrypto can't make an Ed25519 key");
    (void)snprintf(temporary, sizeof(temporary), "%.4000s", path);
    (void)directory_make(dirname(temporary));
    (void)snprintf(temporary, sizeof(temporary), "%.4000s.%d", path, (int)getpid());
    (void)unlink(temporary); /* of a process that was killed */
    fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0 && write_pair(fd, pair) == 0 && put_in_place(temporary, path) == 0)
        return take_pair(pair, path, ret_key, failure);
    fail(failure, "key", "can't make %.500s: %s", path, strerror(errno));
    if (fd >= 0)
        (void)unlink(temporary);
    EVP_PKEY_free(pair);
    return -1;
}

void sitekey_close(struct sitekey *key)
{
    EVP_PKEY_free(key->pair);
    key->pair = NULL;
}

void sitekey_id(const struct key *public, char ret_id[static SITEKEY_ID_SIZE])
{
    uint8_t digest[EVP_MAX_MD_SIZE] = {0};

    (void)EVP_Digest(public->bytes, sizeof(public->bytes), digest, NULL, EVP_sha256(), NULL);
    for (size_t i = 0; i < (SITEKEY_ID_SIZE - 1) / 2; i++)
        (void)snprintf(ret_id + 2 * i, 3, "%02x", digest[i]);
}

int sitekey_sign(const struct sitekey *key, const void *bytes, size_t length,
                 uint8_t ret_signature[static SIGNATURE_SIZE])
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t size = SIGNATURE_SIZE;
    const bool done =
        context && key->pair && EVP_DigestSignInit(context, NULL, NULL, NULL, key->pair) == 1 &&
        EVP_DigestSign(context, ret_signature, &size, bytes, length) == 1 && size == SIGNATURE_SIZE;

    EVP_MD_CTX_free(context);
    return done ? 0 : -1;
}

bool sitekey_verify(const struct key *public, const void *bytes, size_t length,
                    const uint8_t signature[static SIGNATURE_SIZE])
{
    EVP_PKEY *key =
        EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public->bytes, sizeof(public->bytes));
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    const bool good = context && key && EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1 &&
                      EVP_DigestVerify(context, signature, SIGNATURE_SIZE, bytes, length) == 1;

    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    return good;
}
