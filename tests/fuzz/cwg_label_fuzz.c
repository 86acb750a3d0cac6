/* Any bytes as a container's label. Each end that is read is one that the store could declare, and
 * of this container; the number of ends is in bounds. What isn't read has a reason. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cwg/store/label.h"
#include "fuzz.h"
#include "link/link.h"
#include "parts.h"

static void check(const struct want *want)
{
    struct failure failure;
    struct want again;
    char *line = want_write(want);

    require(line && want_read(line, &again, &failure) == 0 && want_equal(want, &again));
    free(line);
    require(want_is_name(want->link) && want_is_name(want->site));
    require(strcmp(want->engine, "podman") == 0 && strcmp(want->name, "web") == 0);
    require(want->net <= LINK_NET_MAX && want->host <= LINK_HOST_MAX);
    require(!want->off && !want->forget && !want->psk[0]);
}

static const char *const parts[] = {
    "a,net=7,host=0,site=s2",
    "b,net=8,host=1,site=s3",
    ",net=",
    ",host=0",
    ",host=1",
    ",site=s",
    ",port=518",
    ",keepalive=2",
    ",mtu=1380",
    " ",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct want wants[LABEL_ENDS_MAX];
    struct failure failure = {.text = ""};
    size_t length;
    char *text = parts_join(parts, sizeof(parts) / sizeof(parts[0]), data, size, &length);
    const int count = label_parse(text, "podman", "web", wants, &failure);

    require(count == -1 || (count > 0 && count <= LABEL_ENDS_MAX));
    require(count > 0 || failure.text[0]);
    for (int i = 0; i < count; i++)
        check(&wants[i]);
    free(text);
    return 0;
}
