/* cwg: links two containers by name, across machines. */

#include <fcntl.h>
#include <jansson.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cwg/command/command.h"

/* Fills gaps among descriptors 0 to 2: a pipe that got such a number would be taken for the
 * standard input or output of this program, or of one that it starts. */
static void open_standard(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd <= STDERR_FILENO && fcntl(fd, F_SETFD, 0) == 0);
    if (fd < 0)
        exit(EXIT_FAILED);
    close(fd);
}

/* JSON may have a preshared key in it. */
static void wipe_and_free(void *memory)
{
    if (memory)
        explicit_bzero(memory, malloc_usable_size(memory));
    free(memory);
}

int main(int argc, char *argv[])
{
    open_standard();
    json_set_alloc_funcs(malloc, wipe_and_free);
    /* A caller that ignores it takes away the exit status of the programs that are started here. */
    (void)signal(SIGCHLD, SIG_DFL);
    return command_run(argc, argv);
}
