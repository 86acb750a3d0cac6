/* An OCI hook, for a podman whose networks can't have plugins. The runtime calls it, as
 * createRuntime, when a container's process is there and hasn't begun, and podman when it has ended
 * (poststop), which may be twice. Both give the container's state on standard input. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "cwg/base/json.h"
#include "cwg/base/status.h"
#include "cwg/container/attachment.h"
#include "cwg/plugin/conmon.h"
#include "cwg/plugin/declared.h"
#include "cwg/plugin/input.h"
#include "cwg/plugin/plugin.h"

#define LINK "cwg.link" /* the ends that the container declares, or "" */
#define NAME "cwg.name" /* the container's, if conmon doesn't know it */

#define NETWORK "oci-hook" /* the word of such attachments */

/* Takes the container's name. Returns 0, or -1. */
static int take_name(const json_t *annotations, struct attachment *attachment,
                     struct failure *failure)
{
    const char *name = json_text(annotations, NAME, sizeof(attachment->name) - 1);

    if (name)
        (void)snprintf(attachment->name, sizeof(attachment->name), "%s", name);
    else if (conmon_container_name(attachment->id, attachment->name))
        return fail(failure, "usage",
                    "nothing tells the container's name: give it as well, by --annotation " NAME
                    "=NAME");
    return 0;
}

static int tell(const json_t *state, struct failure *failure)
{
    const json_t *annotations = json_object_get(state, "annotations");
    const char *id = json_text(state, "id", CONTAINER_ID_SIZE - 1);
    const char *status = json_text(state, "status", 32);
    struct attachment attachment = {.engine = "podman", .network = NETWORK};

    if (!id || !status)
        return fail(failure, "usage", "standard input is no state of a container");
    if (strcmp(status, "stopped") == 0)
        return attachment_remove(id, NETWORK, failure);
    if (!json_object_get(annotations, LINK))
        return 0;
    (void)snprintf(attachment.id, sizeof(attachment.id), "%s", id);
    if (take_name(annotations, &attachment, failure) ||
        declared_take(annotations, LINK, "annotation " LINK, &attachment, failure))
        return -1;
    return attachment_write(&attachment, failure);
}

/* podman throws away what a hook prints. So it goes to the journal as well, which is not waited
 * for.
 */
static void complain(const char *text)
{
    struct sockaddr_un journal = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    (void)fprintf(stderr, "cwg oci-hook: %s\n", text);
    if (fd < 0)
        return;
    if (connect(fd, (struct sockaddr *)&journal, sizeof(journal)) == 0)
        (void)dprintf(fd, "<%d>cwg[%d]: oci-hook: %s", LOG_USER | LOG_ERR, (int)getpid(), text);
    close(fd);
}

int plugin_oci_hook(int argc, char *argv[])
{
    struct failure failure = {.text = ""};
    json_t *state;
    int error;

    (void)argv;
    if (argc > 1) {
        (void)fprintf(stderr, "cwg oci-hook: it takes no arguments\n");
        return EXIT_USAGE;
    }
    state = input_read(&failure);
    error = state ? tell(state, &failure) : -1;
    json_decref(state);
    if (error)
        complain(failure.text);
    return error ? EXIT_FAILED : EXIT_DONE;
}
