#include "helper/preshared.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "helper/failure.h"
#include "helper/file.h"
#include "helper/secret.h"
#include "helper/settings.h"

#ifdef ENABLE_CWG_PRESHARED_KEY

#define NAME "--preshared-key-file: "

static int take_key(ssize_t length, struct failure *failure)
{
    char *text = secret.text;

    if (length == KEY_TEXT_LENGTH + 1 && text[KEY_TEXT_LENGTH] == '\n')
        length--;
    text[length] = '\0';
    if (length != KEY_TEXT_LENGTH || key_from_text(text, &secret.preshared_key))
        return fail(failure, -EINVAL,
                    NAME "must hold 44 characters of base64 for 32 bytes, and nothing else; make "
                         "one with `wg genpsk`, and give it to both sites");
    explicit_bzero(secret.text, sizeof(secret.text));
    return 0;
}

int preshared_read(const struct preshared_source *source, struct failure *failure)
{
    ssize_t length;
    int fd = source->descriptor;

    if (source->kind == PRESHARED_NONE)
        return 0;
    if (source->kind == PRESHARED_PATH)
        fd = open(source->path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return fail_unexpected(failure, -errno, NAME "can't open it");
    /* A key, a newline, and what there may be beyond. */
    length = file_read(fd, secret.text, KEY_TEXT_LENGTH + 2);
    if (source->kind == PRESHARED_PATH)
        close(fd);
    if (length < 0)
        return fail_unexpected(failure, (int)length, NAME "can't read it");
    return take_key(length, failure);
}

#endif
