#include "cwg/record/record.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cwg/base/json.h"

enum {
    VERSION_NUMBER = 1,
    SIGNATURE_TEXT_LENGTH = 88, /* base64 of 64 bytes */
    SIGNED_SIZE = 16 + 2 * RECORD_PATH_SIZE + RECORD_BODY_SIZE,
};

/* Writes what is signed. Returns its length, or 0 if one of the texts is too long. */
static size_t lay_out(const char *site, const char *path, const char *body,
                      char ret_bytes[static SIGNED_SIZE])
{
    static const char magic[] = "cwg1";
    const size_t site_length = strlen(site) + 1, path_length = strlen(path) + 1;
    const size_t body_length = strlen(body);
    char *next = ret_bytes;

    if (site_length > RECORD_PATH_SIZE || path_length > RECORD_PATH_SIZE ||
        body_length >= RECORD_BODY_SIZE)
        return 0;
    next = mempcpy(next, magic, sizeof(magic));
    next = mempcpy(next, site, site_length);
    next = mempcpy(next, path, path_length);
    next = mempcpy(next, body, body_length);
    return (size_t)(next - ret_bytes);
}

char *record_sign(const struct sitekey *key, const char *site, const char *path, const json_t *body,
                  struct failure *failure)
{
    char *text = json_dumps(body, JSON_COMPACT);
    char bytes[SIGNED_SIZE];
    uint8_t signature[SIGNATURE_SIZE];
    const size_t length = text ? lay_out(site, path, text, bytes) : 0;
    json_t *record = NULL;
    char *line = NULL;

    if (length > 0 && sitekey_sign(key, bytes, length, signature) == 0) {
        char id[SITEKEY_ID_SIZE], signature_text[SIGNATURE_TEXT_LENGTH + 1];

        (void)EVP_EncodeBlock((unsigned char *)signature_text, signature, SIGNATURE_SIZE);
        sitekey_id(&key->public, id);
        record = json_pack("{s:i,s:s,s:s,s:s}", "v", VERSION_NUMBER, "by", id, "body", text, "sig",
                           signature_text);
        line = record ? json_dumps(record, JSON_COMPACT) : NULL;
        json_decref(record);
    }
    free(text);
    if (line && strlen(line) < RECORD_SIZE)
        return line;
    free(line);
    fail(failure, "record", "can't sign a record for %.200s", path);
    return NULL;
}

/* Reads a signature's text, in its one spelling: what EVP_DecodeBlock() takes is wider. */
static int read_signature(const char *text, uint8_t ret_signature[static SIGNATURE_SIZE])
{
    uint8_t bytes[SIGNATURE_SIZE + 2];
    char again[SIGNATURE_TEXT_LENGTH + 1];

    if (!text || strlen(text) != SIGNATURE_TEXT_LENGTH ||
        EVP_DecodeBlock(bytes, (const unsigned char *)text, SIGNATURE_TEXT_LENGTH) !=
            SIGNATURE_SIZE + 2)
        return -1;
    (void)EVP_EncodeBlock((unsigned char *)again, bytes, SIGNATURE_SIZE);
    memcpy(ret_signature, bytes, SIGNATURE_SIZE);
    return strcmp(again, text) == 0 ? 0 : -1;
}

int record_open(const char *line, const char *site, const char *path, const struct key *signer,
                json_t **ret_body, struct failure *failure)
{
    json_t *record = strlen(line) < RECORD_SIZE ? json_read_line(line) : NULL;
    const char *by = json_text(record, "by", SITEKEY_ID_SIZE - 1);
    const char *text = json_text(record, "body", RECORD_BODY_SIZE - 1);
    const char *signature_text = json_text(record, "sig", SIGNATURE_TEXT_LENGTH);
    uint8_t signature[SIGNATURE_SIZE];
    char bytes[SIGNED_SIZE], id[SITEKEY_ID_SIZE];
    int64_t number;
    size_t length;
    int error = 0;

    *ret_body = NULL;
    sitekey_id(signer, id);
    if (json_whole(record, "v", 1, INT32_MAX, &number) || !by || !text)
        error = fail(failure, "record", "%.200s: it isn't a record", path);
    else if (number != VERSION_NUMBER)
        error =
            fail(failure, "record", "%.200s: it is a record of version %d, which a later cwg made",
                 path, (int)number);
    else if (strcmp(by, id) != 0)
        error = fail(failure, "signer", "%.200s: it is signed by the key %.16s, and not by %s",
                     path, by, id);
    else if ((length = lay_out(site, path, text, bytes)) == 0 ||
             read_signature(signature_text, signature) ||
             !sitekey_verify(signer, bytes, length, signature))
        error = fail(failure, "record", "%.200s: its signature isn't that of the key %s", path, id);
    else
        *ret_body = json_read_line(text);
    if (!error && json_whole(*ret_body, "serial", 1, INT64_MAX, &number)) {
        json_decref(*ret_body);
        *ret_body = NULL;
        error = fail(failure, "record", "%.200s: its body has no serial", path);
    }
    json_decref(record);
    return error;
}

int64_t record_serial(const json_t *body)
{
    int64_t serial = 0;

    (void)json_whole(body, "serial", 1, INT64_MAX, &serial);
    return serial;
}

json_t *record_body(const char *line)
{
    json_t *record = json_read_line(line);
    const char *text = json_text(record, "body", RECORD_BODY_SIZE - 1);
    json_t *body = text ? json_read_line(text) : NULL;

    json_decref(record);
    return body;
}

int64_t record_claimed_serial(const char *line)
{
    json_t *body = record_body(line);
    const int64_t serial = record_serial(body);

    json_decref(body);
    return serial;
}

bool record_is_older(const char *line, const char *other)
{
    json_t *record[] = {json_read_line(line), json_read_line(other)};
    const char *by = json_text(record[0], "by", SITEKEY_ID_SIZE - 1);
    const char *other_by = json_text(record[1], "by", SITEKEY_ID_SIZE - 1);
    const bool same = by && other_by && strcmp(by, other_by) == 0;

    json_decref(record[0]);
    json_decref(record[1]);
    return same && record_claimed_serial(line) < record_claimed_serial(other);
}
