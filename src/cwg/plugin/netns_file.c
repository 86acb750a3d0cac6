#include "cwg/plugin/netns_file.h"

#include <stddef.h>
#include <string.h>

#include "cwg/name/end.h"

const char *netns_file(const char *path)
{
    static const char *const folders[] = {"/run/netns/", "/var/run/netns/"};

    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        const size_t length = strlen(folders[i]);

        if (strncmp(path, folders[i], length) == 0 && end_is_name(path + length))
            return path + length;
    }
    return "";
}
