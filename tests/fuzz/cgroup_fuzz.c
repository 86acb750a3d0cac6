/* Any bytes as a cgroup file. The parser finds an id that stands in it as a word, or a name that
 * can be printed anywhere. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "helper/netns/cgroup.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size ? size : 1);
    char id[CONTAINER_ID_SIZE] = "unwritten: no name";

    require(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    if (cgroup_container(text, size, id) < 0) {
        require(strcmp(id, "unwritten: no name") == 0);
    } else if (cgroup_is_id(id)) {
        require(memmem(text, size, id, CONTAINER_ID_LENGTH) != NULL);
    } else {
        require(strlen(id) > 0 && strlen(id) <= CONTAINER_ID_LENGTH);
        require(strspn(id, LETTERS "0123456789_.-") == strlen(id) && !strchr("_.-", id[0]));
    }
    free(text);
    return 0;
}
