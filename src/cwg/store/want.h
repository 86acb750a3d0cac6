/* A declared end of a link: what this site wants, for as long as it stands in the store. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "cwg/base/failure.h"
#include "cwg/name/end.h"

enum {
    WANT_LINK_SIZE = 64,
    WANT_SITE_SIZE = 64,
    WANT_PSK_SIZE = 256,
    WANT_KEEPALIVE = 25, /* seconds, unless declared: shorter than the memory of most NATs */
};

struct want {
    char link[WANT_LINK_SIZE]; /* the same at both sites */
    uint32_t net;
    uint32_t host;
    char engine[END_ENGINE_SIZE]; /* of the container here; "": all are asked */
    char name[END_NAME_SIZE];
    char site[WANT_SITE_SIZE]; /* the other end's */
    uint16_t port;             /* 0: any */
    uint16_t keepalive;        /* seconds; 0: none */
    uint32_t mtu;              /* 0: that of the path */
    bool off;                  /* the end is to be removed */
    bool forget;               /* and then its want as well */
    bool release;              /* with forget: the want alone goes, and the end is left as it is */
    char psk[WANT_PSK_SIZE];   /* the file of a preshared key; "" for none */
};

/* Reads a line of the store. Returns 0, or -1 with what is wrong in it. */
int want_read(const char *line, struct want *ret_want, struct failure *failure);

/* Writes it. The caller frees the line. NULL if there is no memory. */
char *want_write(const struct want *want);

/* Returns whether both want the same. */
bool want_equal(const struct want *a, const struct want *b);

/* Returns whether a text can be the name of a site or of a link: a name (end_is_name()) of at most
 * 63 characters. */
bool want_is_name(const char *text);

/* May a site have this name? "etcd" stands beside sites in the store for etcd itself. */
bool want_is_site(const char *text);

/* What a member of a link that is a number takes, such as "0 or 1". NULL if it is none. */
const char *want_rule(const char *member);

/* May the member have this value? */
bool want_fits(const char *member, int64_t number);

/* Takes a member of a link that is a number; if it is missing `otherwise`, unless that is negative:
 * then it has to be there. `what` begins the failure's text. Returns 0, or -1. */
int want_number(const json_t *link, const char *what, const char *member, int64_t otherwise,
                int64_t *ret_number, struct failure *failure);
