#include "cwg/checkup/checkup.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cwg/base/clock.h"
#include "cwg/base/json.h"
#include "cwg/checkup/scratch.h"
#include "cwg/machine/group.h"

void finding_add(json_t *findings, const char *check, const char *result, const char *format, ...)
{
    struct failure printable = {.text = ""};
    va_list arguments;

    va_start(arguments, format);
    (void)vfail(&printable, "", format, arguments);
    va_end(arguments);
    (void)json_array_append_new(findings, json_pack("{s:s,s:s,s:s}", "check", check, "result",
                                                    result, "text", printable.text));
}

/* Does a task of the batch on a container. */
static int do_task(struct helper *helper, const char *name, const struct container *container,
                   const char *net, json_t **ret_result, struct failure *failure)
{
    struct helper_task task = {
        .name = name, .container = container, .words = {net, "0", "--json"}, .secret = -1};

    if (strcmp(name, "cwg_create") == 0) {
        task.words[2] = "0"; /* any port */
        task.words[3] = "--json";
    }
    return helper_do(helper, &task, ret_result, failure);
}

/* Makes a link's end. A device's name has the prefix and the net: the longer the prefix, the fewer
 * digits of a net fit. *ret_net is the net. */
static int make_end(struct helper *helper, const struct container *container, const char **ret_net,
                    json_t **ret_link, struct failure *failure)
{
    static const char *const nets[] = {"2621439", "999999", "99999"};
    int error = -1;

    for (size_t i = 0; i < sizeof(nets) / sizeof(nets[0]) && error; i++) {
        *ret_net = nets[i];
        error = do_task(helper, "cwg_create", container, nets[i], ret_link, failure);
        if (error && !failure_is(failure, "usage"))
            break;
    }
    return error;
}

static void tell_trial(json_t *findings, const json_t *link, int64_t milliseconds)
{
    const char *backend = json_text(link, "backend", 31);
    const char *warning = json_text(link, "warning", FAILURE_TEXT_SIZE - 1);
    const char *carrier = backend && strcmp(backend, "kernel") == 0
                              ? "the kernel's WireGuard"
                              : "a userspace engine (cwg-engine)";

    if (warning)
        finding_add(findings, "trial", FOUND_WARN,
                    "a scratch container got a link, carried by %s, but: %s", carrier, warning);
    else
        finding_add(
            findings, "trial", FOUND_OK,
            "a scratch container got a link's end, carried by %s, and lost it again, in %d ms",
            carrier, (int)milliseconds);
}

/* Tries what no look at files can tell: that this user's call really makes a link. */
static void try_link(struct helper *helper, const struct container *container, json_t *findings)
{
    const int64_t begun = clock_now();
    struct failure failure = {.text = ""};
    const char *net = "";
    json_t *link = NULL, *gone = NULL;
    int error = make_end(helper, container, &net, &link, &failure);

    if (error && failure_is(&failure, "policy") && strstr(failure.text, "isn't among the"))
        finding_add(findings, "trial", FOUND_NOTE,
                    "not tried: the policy doesn't allow the trial's net and port, and the link of "
                    "a cwg join may have others: %s; cwg join --net N --port A,B chooses them",
                    failure.text);
    else if (error)
        finding_add(findings, "trial", FOUND_FAIL, "a scratch container got no link: %s",
                    failure.text);
    else if (do_task(helper, "cwg_destroy", container, net, &gone, &failure))
        finding_add(findings, "trial", FOUND_FAIL,
                    "a scratch container's link can't be removed: %s", failure.text);
    else
        tell_trial(findings, link, clock_now() - begun);
    json_decref(link);
    json_decref(gone);
}

static void check_by_trial(struct helper *helper, const struct failure *helper_failure,
                           json_t *findings)
{
    struct container container = {.engine = "pid", .netns = -1};
    struct failure failure = {.text = ""};
    struct scratch scratch;

    if (helper_failure->text[0]) {
        const bool spared = failure_is(helper_failure, "not-permitted") && group_is_spared();

        finding_add(findings, "trial", spared ? FOUND_NOTE : FOUND_FAIL, "not tried: %s",
                    helper_failure->text);
        return;
    }
    if (scratch_start(&scratch, &failure)) {
        finding_add(findings, "trial", FOUND_WARN, "not tried: %s", failure.text);
        return;
    }
    container.pid = scratch.pid;
    container.pidfd = (int)syscall(SYS_pidfd_open, scratch.pid, 0);
    (void)snprintf(container.name, sizeof(container.name), "%d", scratch.pid);
    try_link(helper, &container, findings);
    container_close(&container);
    scratch_end(&scratch);
}

void checkup(struct helper *helper, const struct failure *helper_failure, json_t *findings)
{
    char version[VERSION_TEXT_SIZE];

    checkup_program(findings, version);
    checkup_machine(findings, version);
    check_by_trial(helper, helper_failure, findings);
}
