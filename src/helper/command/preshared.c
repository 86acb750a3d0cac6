#include "helper/command/preshared.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "helper/base/failure.h"
#include "helper/base/file.h"
#include "helper/netlink/secret.h"

#define NAME "--preshared-key-file: "

static int take_key(ssize_t length, struct failure *failure)
{
    char *text = secret.text;

    if (length == KEY_TEXT_LENGTH + 1 && text[KEY_TEXT_LENGTH] == '\n')
        length--;
    text[length] = '\0';
    if (length == 0)
        return fail(failure,
                    NAME "is empty, or was read to its end already; make a key with `wg genpsk`, "
                         "and give it to both sites");
    if (length != KEY_TEXT_LENGTH || key_from_text(text, &secret.preshared_key))
        return fail(failure,
                    NAME "must hold 44 characters of base64 for 32 bytes, and nothing else; make "
                         "one with `wg genpsk`, and give it to both sites");
    explicit_bzero(secret.text, sizeof(secret.text));
    return 0;
}

static int fail_source(int error, const char *doing, struct failure *failure)
{
    fail_unexpected(failure, error, doing);
    failure_add(failure, "; give a file that you can read, - for standard input, or fd:N for a "
                         "descriptor that is open");
    return error;
}

int preshared_read(const struct request *request, struct failure *failure)
{
    const struct preshared_source *source = &request->preshared_key;
    ssize_t length;
    int fd = source->descriptor;

    if (source->kind == PRESHARED_NONE)
        return 0;
    if (source->kind == PRESHARED_PATH)
        fd = open(source->path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return fail_source(-errno, NAME "can't open it", failure);
    /* The key, a newline, and one byte that must not be there. */
    length = file_read(fd, secret.text, KEY_TEXT_LENGTH + 2);
    if (source->kind == PRESHARED_PATH)
        close(fd);
    if (length < 0)
        return fail_source((int)length, NAME "can't read it", failure);
    return take_key(length, failure);
}
