/* What a site tells another one of its end of a link: the body of a record. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "cwg/base/failure.h"
#include "link/endpoint.h"
#include "link/key.h"

enum {
    NEWS_ENDPOINTS_MAX = 4,
};

struct news {
    int64_t serial; /* from 1 on; it rises with each record of an end */
    uint32_t net;
    uint32_t host;   /* of the end that is told of */
    bool up;         /* its device is there; else all below is zero */
    struct key key;  /* the device's */
    struct key peer; /* the key of the device's peer; zero if it has none yet */
    struct endpoint endpoint[NEWS_ENDPOINTS_MAX]; /* where it is reached, the best one first */
    int endpoints;
    int64_t heard; /* the serial of the other site's record that this goes by; 0 for none. Not
                      compared */
};

/* Returns the body, which is the caller's; NULL if there is no memory. */
json_t *news_pack(const struct news *news);

/* Reads a body. Returns 0, or -1. */
int news_unpack(const json_t *body, struct news *ret_news, struct failure *failure);

/* Returns whether both say the same, but for the serial. */
bool news_equal(const struct news *a, const struct news *b);

/* Returns whether both are the same address and port. */
bool news_same_place(const struct endpoint *a, const struct endpoint *b);
