/* Any bytes as a cgroup file: what is taken from it is an id, which stands in it as a word. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "helper/cgroup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
    if (!condition)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size ? size : 1);
    char id[CONTAINER_ID_LENGTH + 1] = "unwritten";

    require(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    if (cgroup_container(text, size, id) < 0) {
        require(strcmp(id, "unwritten") == 0);
    } else {
        require(strlen(id) == CONTAINER_ID_LENGTH);
        require(strspn(id, "0123456789abcdef") == CONTAINER_ID_LENGTH);
        require(memmem(text, size, id, CONTAINER_ID_LENGTH) != NULL);
    }
    free(text);
    return 0;
}
