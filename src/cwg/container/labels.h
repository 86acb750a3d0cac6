/* The label with which a container declares ends of links, as its engine tells of it. */
#pragma once

#include <stddef.h>

#include "cwg/container/container.h"

#define LABEL_NAME "cwg.link"

/* What the settings call the networks that declare ends for their containers, among the engines. */
#define LABELS_OF_NETWORKS "networks"

enum {
    LABEL_SIZE = 514,      /* a longer text is cut to 513 characters */
    LABELLED_MAX = 250,    /* containers of an engine */
    LABELLED_LISTED = 190, /* of a name: with it so many containers fit into a list */
};

enum label_origin {
    LABEL_OF_CONTAINER, /* whoever started the container has said it */
    LABEL_OF_IMAGE,     /* the image says the same */
    LABEL_UNPROVEN,     /* the engine tells nothing of the image */
    LABEL_OF_NOBODY,    /* the container's name is too long for the name of an end, and is cut */
};

/* A container with the label. It may be stopped. */
struct labelled {
    char engine[END_ENGINE_SIZE];
    char name[END_NAME_SIZE];
    char id[CONTAINER_ID_SIZE];
    char image[CONTAINER_ID_SIZE];
    char
        text[LABEL_SIZE]; /* of the label; a character that can't be printed is an escape of Go's */
    enum label_origin origin;
    bool by_network; /* the text is that of a network, of which a plugin tells (attachment.h) */
};

/* Returns whether an engine is known by this name, and its containers have labels. */
bool labels_may(const char *engine);

/* Asks an engine for all containers with the label. `before` is what the last call told: if they
 * are the same containers, that is found out by one program. Returns 0 with *ret_labelled, which
 * the caller frees; 1 if they are the same as before; or -1: nothing is known. */
int labels_find(const char *engine, const struct labelled *before, size_t before_count,
                struct labelled **ret_labelled, size_t *ret_count, struct failure *failure);
