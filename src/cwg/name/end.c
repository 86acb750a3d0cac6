#include "cwg/name/end.h"

#include <stdio.h>
#include <string.h>

#include "link/address.h"

enum {
    END_USER_SIZE = 65,
};

#define ALNUM "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/* Is `text` of these characters, with the first a letter or digit (or '_', where the set has it)?
 */
static bool is_word(const char *text, const char *set, size_t max)
{
    const size_t length = strlen(text);

    return length > 0 && length <= max && strspn(text, set) == length && text[0] != '-' &&
           text[0] != '.';
}

bool end_is_name(const char *text)
{
    return is_word(text, ALNUM "_.-", END_NAME_SIZE - 1) && text[0] != '_';
}

/* Copies `length` bytes, and a NUL. Returns 0, or -1 if there isn't room for them. */
static int copy(char *to, size_t size, const char *from, size_t length)
{
    if (length >= size)
        return -1;
    memcpy(to, from, length);
    to[length] = '\0';
    return 0;
}

/* Finds the ':' behind HOST, or NULL. The colons of an IPv6 address are in brackets. */
static const char *find_colon(const char *text)
{
    const char *open = strchr(text, '[');
    const char *close = open ? strchr(open, ']') : NULL;

    if (open && (open == text || open[-1] == '@') && strcspn(text, ":/") > (size_t)(open - text))
        return close && close[1] == ':' ? close + 1 : NULL;
    return strchr(text, ':');
}

static bool is_user(const char *user)
{
    return is_word(user, ALNUM "_.-", END_USER_SIZE - 1);
}

/* Is it an IPv6 address? A zone (%eth0) may stand behind it. */
static bool is_ipv6(const char *host)
{
    const size_t length = strcspn(host, "%");
    char address[END_HOST_SIZE];
    uint8_t bytes[16];

    if (copy(address, sizeof(address), host, length) || address_parse_ipv6(address, bytes))
        return false;
    return host[length] == '\0' || is_word(host + length + 1, ALNUM "_.-", 15);
}

/* Takes the brackets off an IPv6 address. */
static int take_brackets(char *host)
{
    const size_t length = strlen(host);

    if (host[length - 1] != ']')
        return -1;
    host[length - 1] = '\0';
    memmove(host, host + 1, length - 1);
    return is_ipv6(host) ? 0 : -1;
}

#define HOST_RULE "HOST must be a host's name or address, or USER@HOST"
#define IPV6_RULE "; an IPv6 address stands in brackets, as in [2001:db8::7]"

static int fail_host(struct failure *failure)
{
    return fail(failure, "usage", HOST_RULE ", of letters, digits, '.', '-' and '_'" IPV6_RULE);
}

int end_parse_host(const char *text, char ret_host[static END_HOST_SIZE], struct failure *failure)
{
    const char *at = strrchr(text, '@');
    char host[END_HOST_SIZE], user[END_USER_SIZE] = "";

    if (at && (copy(user, sizeof(user), text, (size_t)(at - text)) || !is_user(user)))
        return fail_host(failure);
    if (copy(host, sizeof(host), at ? at + 1 : text, strlen(at ? at + 1 : text)))
        return fail_host(failure);
    if (host[0] == '[' ? take_brackets(host) : !is_word(host, ALNUM "_.-", 253) && !is_ipv6(host))
        return fail_host(failure);
    return snprintf(ret_host, END_HOST_SIZE, "%s%s%s", user, at ? "@" : "", host) < END_HOST_SIZE
               ? 0
               : fail_host(failure);
}

int end_parse(const char *text, const char *which, struct end *ret_end, struct failure *failure)
{
    struct end end = {.host = ""};
    const char *colon = find_colon(text);
    const char *rest = colon ? colon + 1 : text;
    const char *slash = strchr(rest, '/');
    char host[2 * END_HOST_SIZE];

    if (colon && (copy(host, sizeof(host), text, (size_t)(colon - text)) ||
                  end_parse_host(host, end.host, failure)))
        return fail(failure, "usage", "%s: %.100s: " HOST_RULE IPV6_RULE ":NAME", which, text);
    if (slash && (copy(end.engine, sizeof(end.engine), rest, (size_t)(slash - rest)) ||
                  !is_word(end.engine, ALNUM, END_ENGINE_SIZE - 1)))
        return fail(failure, "usage",
                    "%s: %.100s: ENGINE must be one of those that cwg --help shows", which, text);
    rest = slash ? slash + 1 : rest;
    if (!end_is_name(rest))
        return fail(
            failure, "usage",
            "%s: %.100s: NAME must be a container's name or id: letters, digits, '_', '.' and "
            "'-'; an end is [[USER@]HOST:][ENGINE/]NAME",
            which, text);
    (void)copy(end.name, sizeof(end.name), rest, strlen(rest));
    *ret_end = end;
    return 0;
}

void end_to_text(const struct end *end, char ret_text[static END_TEXT_SIZE])
{
    const char *at = strchr(end->host, '@');
    const char *machine = at ? at + 1 : end->host;
    const bool ipv6 = strchr(machine, ':') != NULL;

    (void)snprintf(ret_text, END_TEXT_SIZE, "%s%s%s%s%s%s%s", ipv6 ? "[" : "", machine,
                   ipv6 ? "]" : "", end->host[0] ? ":" : "", end->engine, end->engine[0] ? "/" : "",
                   end->name);
}
