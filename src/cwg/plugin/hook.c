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
#include "cwg/plugin/input.h"
#include "cwg/plugin/plugin.h"

/* podman up to 4.5 takes annotations from an image, too, and nothing tells these from the user's.
 * So this annotation has no text, and gives neither a link nor a name. */
#define ANNOTATION "cwg.link"

#define NETWORK "oci-hook" /* the word of such attachments */

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
    if (!json_object_get(annotations, ANNOTATION))
        return 0;
    if (!json_text(annotations, ANNOTATION, 0))
        return fail(failure, "usage",
                    "annotation " ANNOTATION ": podman takes annotations from images, too, so it "
                    "declares nothing: leave it empty, and declare the end by cwg declare");
    (void)snprintf(attachment.id, sizeof(attachment.id), "%s", id);
    if (conmon_container_name(id, attachment.name))
        return fail(failure, "usage", "no conmon tells the container's name");
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
