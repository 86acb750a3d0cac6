/* `cwg status --etcd`. */
#pragma once

#include <stdbool.h>

struct overview_options {
    const char *config; /* the file that says where etcd is; NULL: where it is */
    const char *state;  /* an agent's directory, with the sites that it knows; NULL: where it is */
    const char *name;   /* of a link, or the net; NULL: all */
    bool json;
};

/* Shows each end of the links of which etcd knows. Returns the exit status. */
int overview_show(const struct overview_options *options);
