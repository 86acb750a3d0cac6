/* net-admin-helper: lets a caller without privilege make, connect and remove WireGuard links in
 * containers, and do nothing else. It has more rights than its caller, and trusts nothing of the
 * caller's or of the containers it works on. main() goes through these steps:
 *
 *   startup     makes the caller's descriptors, limits and signals harmless
 *   privilege   keeps at most three capabilities permitted, and none effective
 *   arguments   turns text into values; wrong command lines end here
 *   read        reads a key or a batch from the caller's file
 *   policy      reads what the administrator lets the caller do
 *   home        notes the network namespace we start in; this is the last look at a file
 *   prepare     starts a new link's engine, if the kernel has no WireGuard: the one program
 *               that the helper ever runs
 *   deadline    makes a timer that ends us if a container stays open for too long
 *   sandbox     sets no_new_privs, and an allow-list of system calls
 *   target      resolves the container's namespace, once; checks the caller's right to it
 *   task        does what the caller asked for
 *   audit       sends a line to the machine's journal
 *
 * The helper allocates nothing and handles no signal. Only main() prints errors, and home_return(),
 * which ends the process. */
#include <stdlib.h>
#include <unistd.h>

#include "helper/base/failure.h"
#include "helper/base/print.h"
#include "helper/base/settings.h"
#include "helper/base/text.h"
#include "helper/command/arguments.h"
#include "helper/command/help.h"
#include "helper/command/session.h"
#include "helper/command/task.h"
#include "helper/confine/deadline.h"
#include "helper/confine/privilege.h"
#include "helper/confine/sandbox.h"
#include "helper/confine/startup.h"
#include "helper/netlink/secret.h"
#include "helper/netns/target.h"

static int get_ready(struct session *session, const struct task *task,
                     const struct request *request, struct failure *failure)
{
    int error = privilege_check(failure);

    if (!error)
        error = secret_protect(failure);
    if (!error && task->read)
        error = task->read(request, failure);
    if (!error)
        error = startup_shed(&request->target, failure);
    if (HAS_AUDIT && !error)
        audit_open(&session->audit);
    if (HAS_POLICY && !error)
        error = policy_read(&session->policy, failure);
    if (HAS_POLICY && !error)
        error = policy_check(&session->policy, task->arguments, request, failure);
    if (!error)
        error = home_open(&session->home, failure);
    if (!error)
        error = deadline_make(failure);
    if (!error && task->prepare)
        error = task->prepare(session, request, failure);
    output_look(&session->output);
    if (!error)
        error = sandbox_enter(failure);
    return error;
}

/* Runs a task with its container open. Before, the caller may have stopped this process for any
 * time, and the policy may have changed. From here on the deadline runs. */
static int do_inside(struct session *session, const struct task *task,
                     const struct request *request, struct target *target, struct failure *failure)
{
    int error = HAS_POLICY ? policy_check_unchanged(&session->policy, failure) : 0;

    return error ? error : task->run(session, request, target, failure);
}

static int do_task(struct session *session, const struct task *task, const struct request *request,
                   struct failure *failure)
{
    struct audit_line told = {task->name, task->arguments, request, 0, NULL};
    struct target target;
    int error = get_ready(session, task, request, failure);

    if (!error && task->run_at_home) {
        error = task->run_at_home(session, request, failure);
    } else if (!error) {
        deadline_allow(DEADLINE_SECONDS + task->seconds);
        error = target_open(&session->home, &session->policy, &request->target, task->changes,
                            &target, failure);
        if (!error) {
            told.netns = target.netns.inode;
            error = do_inside(session, task, request, &target, failure);
        }
        error = task_result(request, error);
    }
    told.public_key = session->made.index ? &session->public_key : NULL;
    if (HAS_AUDIT && task->changes)
        audit_send(&session->audit, &told, error, failure);
    return error;
}

static int run(int argc, char *argv[], struct session *session, struct failure *failure)
{
    struct command_line line;
    int error = startup_harden();

    if (!error)
        error = privilege_start();
    if (error)
        return fail_unexpected(failure, error, "can't start safely");
    error = arguments_parse(argc, argv, &line, failure);
    if (error)
        return error;
    switch (line.command) {
    case COMMAND_HELP:
        return help_print(&session->output, line.task, failure);
    case COMMAND_VERSION:
        return help_print_version(&session->output, failure);
    case COMMAND_RUN:
    default:
        if (line.task->unprivileged) {
            privilege_end();
            return line.task->run_at_home(session, &line.request, failure);
        }
        return do_task(session, line.task, &line.request, failure);
    }
}

/* Prints a failure, with the task's synopsis if the command line was wrong. */
static void tell(const struct failure *failure)
{
    struct text usage = {.length = 0};

    if (failure->usage) {
        text_add(&usage, "Usage: ");
        help_add_synopsis(&usage, failure->usage);
    }
    print_failure(failure, usage.bytes);
}

int main(int argc, char *argv[])
{
    /* Too large for a stack, and zero at first, so that it takes no room in the program's file. */
    static struct session session;
    struct failure failure = {0};
    int error;

    session.making = (struct making)MAKING_NOTHING;
    session.taker = -1;
    error = run(argc, argv, &session, &failure);
    secret_wipe();
    startup_close_all();
    deadline_stop(); /* the next writes may take as long as the caller likes */
    privilege_end();
    if (error && failure.code != FAILURE_OUTPUT && arguments_want_json(argc, argv))
        print_failure_json(&failure);
    if (error)
        tell(&failure);
    else
        output_write_warning(&session.output);
    _exit(error ? EXIT_FAILURE : EXIT_SUCCESS);
}
