#include "cwg/record/record.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cwg_programs.h"
#include "unit.h"

static struct failure failure;
static char path[PATH_MAX]; /* of a key */

static void begin(void)
{
    programs_begin();
    (void)snprintf(path, sizeof(path), "%s/site.key", programs_folder());
}

static void put(const char *text, mode_t mode)
{
    FILE *file = fopen(path, "we");

    if (!file || fputs(text, file) < 0 || fclose(file) != 0 || chmod(path, mode) < 0)
        unit_trouble("fopen");
}

/* RFC 8032, section 7.1, test 1: the key pair, and the signature of no bytes. */
#define PEM(base64) "-----BEGIN PRIVATE KEY-----\n" base64 "\n-----END PRIVATE KEY-----\n"
#define RFC_PAIR    PEM("MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g")
#define RFC_PUBLIC  "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
#define RFC_ID      "21fe31dfa154a261" /* sha256sum has the rest */

static const uint8_t rfc_signature[SIGNATURE_SIZE] = {
    0xe5, 0x56, 0x43, 0x00, 0xc3, 0x60, 0xac, 0x72, 0x90, 0x86, 0xe2, 0xcc, 0x80, 0x6e, 0x82, 0x8a,
    0x84, 0x87, 0x7f, 0x1e, 0xb8, 0xe5, 0xd9, 0x74, 0xd8, 0x73, 0xe0, 0x65, 0x22, 0x49, 0x01, 0x55,
    0x5f, 0xb8, 0x82, 0x15, 0x90, 0xa3, 0x3b, 0xac, 0xc6, 0x1e, 0x39, 0x70, 0x1c, 0xf9, 0xb4, 0x6b,
    0xd2, 0x5b, 0xf5, 0xf0, 0x59, 0x5b, 0xbe, 0x24, 0x65, 0x51, 0x41, 0x43, 0x8e, 0x7a, 0x10, 0x0b};

TEST(reads_the_key_and_makes_the_signature_of_rfc_8032)
{
    uint8_t signature[SIGNATURE_SIZE];
    char text[KEY_TEXT_LENGTH + 1], id[SITEKEY_ID_SIZE];
    struct sitekey key;

    begin();
    put(RFC_PAIR, 0600);
    expect(sitekey_read(path, &key, &failure) == 0, "%s", failure.text);
    key_to_text(&key.public, text);
    sitekey_id(&key.public, id);
    expect(strcmp(text, RFC_PUBLIC) == 0, "%s", text);
    expect(strcmp(id, RFC_ID) == 0, "%s", id);
    expect(sitekey_sign(&key, "", 0, signature) == 0 &&
               memcmp(signature, rfc_signature, sizeof(signature)) == 0,
           "another signature");
    expect(sitekey_verify(&key.public, "", 0, signature), "not verified");
    expect(!sitekey_verify(&key.public, "x", 1, signature), "verified for other bytes");
    signature[63] ^= 1;
    expect(!sitekey_verify(&key.public, "", 0, signature), "another signature verified");
    sitekey_close(&key);
    programs_end();
}

TEST(a_new_key_is_written_for_its_owner_alone_and_read_again)
{
    struct sitekey made, read, third;
    struct stat status;

    begin();
    expect(sitekey_read(path, &read, &failure) == 1, "there is a key already");
    expect(sitekey_make(path, &made, &failure) == 0, "%s", failure.text);
    expect(stat(path, &status) == 0 && (status.st_mode & 07777) == 0600, "mode %o", status.st_mode);
    expect(sitekey_read(path, &read, &failure) == 0, "%s", failure.text);
    expect(key_equal(&made.public, &read.public), "another key");
    expect(sitekey_make(path, &third, &failure) < 0, "a key that is there was made anew");
    sitekey_close(&made);
    sitekey_close(&read);
    programs_end();
}

TEST(a_file_that_is_no_private_key_is_refused)
{
    static const struct {
        const char *text;
        mode_t mode;
        const char *refusal;
    } cases[] = {
        {RFC_PAIR, 0640, "has to be yours alone"},
        {RFC_PAIR, 0604, "has to be yours alone"},
        {"", 0600, "has no Ed25519 key"},
        {PEM("AAAA"), 0600, "has no Ed25519 key"},
        /* X25519, of which libcrypto reads the same form */
        {PEM("MC4CAQAwBQYDK2VuBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g"), 0600,
         "has no Ed25519 key"},
    };
    struct sitekey key;

    begin();
    for (size_t i = 0; i < COUNT(cases); i++) {
        put(cases[i].text, cases[i].mode);
        expect(sitekey_read(path, &key, &failure) < 0 && strstr(failure.text, cases[i].refusal),
               "%zu: %s", i, failure.text);
        expect(!key.pair, "%zu: a key", i);
    }
    expect(unlink(path) == 0 && symlink("/dev/null", path) == 0 &&
               sitekey_read(path, &key, &failure) < 0,
           "a symbolic link was followed");
    programs_end();
}

/* Makes the pair of the RFC, and another one. */
static void make_pairs(struct sitekey *ret_key, struct sitekey *ret_other)
{
    begin();
    put(RFC_PAIR, 0600);
    if (sitekey_read(path, ret_key, &failure))
        unit_trouble("sitekey_read");
    (void)unlink(path);
    if (sitekey_make(path, ret_other, &failure))
        unit_trouble("sitekey_make");
}

#define SITE "site2"
#define PATH "in/site1/l-7"

TEST(a_record_is_read_as_it_was_signed)
{
    struct sitekey key, other;
    json_t *body = json_pack("{s:i,s:s}", "serial", 3, "state", "up"), *read = NULL;
    char *line;

    make_pairs(&key, &other);
    line = record_sign(&key, SITE, PATH, body, &failure);
    expect(line && record_open(line, SITE, PATH, &key.public, &read, &failure) == 0, "%s",
           failure.text);
    expect(json_equal(body, read) && record_serial(read) == 3, "another body");
    json_decref(read);
    json_decref(body);
    free(line);
    sitekey_close(&key);
    sitekey_close(&other);
    programs_end();
}

TEST(a_record_of_another_signer_site_or_path_is_refused)
{
    struct sitekey key, other;
    json_t *body = json_pack("{s:i}", "serial", 1), *read;
    char *line;

    make_pairs(&key, &other);
    line = record_sign(&key, SITE, PATH, body, &failure);
    if (!line)
        unit_trouble("record_sign");
    expect(record_open(line, SITE, PATH, &other.public, &read, &failure) < 0 &&
               strstr(failure.text, "it is signed by the key " RFC_ID),
           "signer: %s", failure.text);
    expect(record_open(line, "site3", PATH, &key.public, &read, &failure) < 0 &&
               strstr(failure.text, "its signature isn't that of the key " RFC_ID),
           "site: %s", failure.text);
    expect(record_open(line, SITE, "in/site1/l-8", &key.public, &read, &failure) < 0, "path");
    /* The NULs keep the parts apart. */
    expect(record_open(line, "site", "2" PATH, &key.public, &read, &failure) < 0, "parts");
    expect(!read, "there is a body");
    json_decref(body);
    free(line);
    sitekey_close(&key);
    sitekey_close(&other);
    programs_end();
}

/* Each bit of a record counts, but for those of its version, which says so itself. */
TEST(a_record_in_which_one_character_is_another_is_refused)
{
    struct sitekey key, other;
    json_t *body = json_pack("{s:i,s:s}", "serial", 1, "state", "down"), *read;
    char *line;

    make_pairs(&key, &other);
    line = record_sign(&key, SITE, PATH, body, &failure);
    if (!line)
        unit_trouble("record_sign");
    for (size_t i = 0; line[i]; i++) {
        const char kept = line[i];

        line[i] = kept == 'x' ? 'y' : 'x';
        expect(record_open(line, SITE, PATH, &key.public, &read, &failure) < 0, "%s", line);
        json_decref(read);
        line[i] = kept;
    }
    json_decref(body);
    free(line);
    sitekey_close(&key);
    sitekey_close(&other);
    programs_end();
}

TEST(what_is_no_record_is_refused)
{
    static const char *const lines[] = {
        "",
        "{}",
        "[]",
        "null",
        "{\"v\":1}",
        "{\"v\":1,\"by\":\"" RFC_ID "\",\"body\":\"{}\"}",
        "{\"v\":1,\"by\":\"" RFC_ID "\",\"body\":\"{}\",\"sig\":\"\"}",
        "{\"v\":1,\"by\":\"" RFC_ID "\",\"body\":{},\"sig\":7}",
        "{\"v\":2,\"by\":\"" RFC_ID "\",\"body\":\"{}\",\"sig\":\"\"}",
    };
    struct sitekey key, other;
    json_t *read;

    make_pairs(&key, &other);
    for (size_t i = 0; i < COUNT(lines); i++)
        expect(record_open(lines[i], SITE, PATH, &key.public, &read, &failure) < 0 && !read, "%s",
               lines[i]);
    expect(strstr(failure.text, "version 2, which a later cwg made"), "%s", failure.text);
    sitekey_close(&key);
    sitekey_close(&other);
    programs_end();
}

TEST(a_signed_body_without_a_serial_is_refused)
{
    static const char *const bodies[] = {"{}", "{\"serial\":0}", "{\"serial\":\"1\"}",
                                         "{\"serial\":1.0}", "[1]"};
    struct sitekey key, other;

    make_pairs(&key, &other);
    for (size_t i = 0; i < COUNT(bodies); i++) {
        json_t *body = json_loads(bodies[i], 0, NULL), *read;
        char *line = record_sign(&key, SITE, PATH, body, &failure);

        expect(line && record_open(line, SITE, PATH, &key.public, &read, &failure) < 0 && !read,
               "%s", bodies[i]);
        json_decref(body);
        free(line);
    }
    sitekey_close(&key);
    sitekey_close(&other);
    programs_end();
}

TEST(what_is_too_long_is_not_signed)
{
    struct sitekey key, other;
    char long_text[RECORD_BODY_SIZE];
    json_t *body;

    make_pairs(&key, &other);
    memset(long_text, 'a', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    body = json_pack("{s:i,s:s}", "serial", 1, "state", long_text);
    expect(!record_sign(&key, SITE, PATH, body, &failure), "signed");
    json_decref(body);
    body = json_pack("{s:i}", "serial", 1);
    long_text[RECORD_PATH_SIZE] = '\0';
    expect(!record_sign(&key, SITE, long_text, body, &failure), "signed at a long path");
    json_decref(body);
    sitekey_close(&key);
    sitekey_close(&other);
    programs_end();
}
