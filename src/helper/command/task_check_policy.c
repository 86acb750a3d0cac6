/* check-policy: says what a policy file allows, or what is wrong with it. It reads the file with
 * the caller's own rights, and has no privilege. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "helper/base/failure.h"
#include "helper/base/file.h"
#include "helper/base/settings.h"
#include "helper/base/text.h"
#include "helper/command/session.h"
#include "helper/command/task.h"

static void add_ranges(struct text *text, const char *what, const struct ranges *ranges)
{
    if (!ranges->given)
        return;
    text_print(text, "  %-9s ", what);
    for (size_t i = 0; i < ranges->count; i++) {
        text_print(text, "%s%" PRIu32, i ? ", " : "", ranges->range[i].first);
        if (ranges->range[i].last != ranges->range[i].first)
            text_print(text, "-%" PRIu32, ranges->range[i].last);
    }
    text_add(text, "\n");
}

static void add_peers(struct text *text, const struct peers *peers)
{
    if (!peers->given)
        return;
    text_print(text, "  %-9s ", "peers");
    for (size_t i = 0; i < peers->count; i++) {
        char characters[NETWORK_TEXT_SIZE];

        network_to_text(&peers->network[i], characters);
        text_print(text, "%s%s", i ? ", " : "", characters);
    }
    if (peers->unknown)
        text_print(text, "%san endpoint that isn't known", peers->count ? ", " : "");
    text_add(text, "\n");
}

static bool has_limits(const struct rule *rule)
{
    return rule->nets.given || rule->ports.given || rule->peers.given || rule->has_links ||
           rule->own_containers;
}

static int print_rule(const struct rule *rule, struct output *output, struct failure *failure)
{
    struct text text = {0};

    text_print(&text, "line %u: %s %" PRIu32 " may do all%s\n", rule->line,
               rule->group ? "group" : "user", rule->id, has_limits(rule) ? " with" : "");
    add_ranges(&text, "nets", &rule->nets);
    add_ranges(&text, "ports", &rule->ports);
    add_peers(&text, &rule->peers);
    if (rule->has_links)
        text_print(&text, "  %-9s %" PRIu32 " at most in a container\n", "links", rule->links);
    if (rule->own_containers)
        text_print(&text, "  %-9s with a user namespace of the caller's alone\n", "containers");
    return output_text(output, &text, failure);
}

static int fail_open(int error, struct failure *failure)
{
    fail_unexpected(failure, error, "file: can't read it");
    failure_add(failure, "; give a policy file that you can read");
    return error;
}

static int read_file(const char *path, char ret_text[static POLICY_FILE_MAX + 1],
                     size_t *ret_length, struct failure *failure)
{
    int fd = open(path, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    ssize_t length;

    if (fd < 0)
        return fail_open(-errno, failure);
    length = file_read(fd, ret_text, POLICY_FILE_MAX + 1);
    close(fd);
    if (length < 0)
        return fail_open((int)length, failure);
    if (length > POLICY_FILE_MAX)
        return fail_as(failure, FAILURE_POLICY, -EFBIG,
                       "file: has more than %d bytes; a policy may not", POLICY_FILE_MAX);
    *ret_length = (size_t)length;
    return 0;
}

static int run_at_home(struct session *session, const struct request *request,
                       struct failure *failure)
{
    static char text[POLICY_FILE_MAX + 1], copy[POLICY_FILE_MAX + 1];
    size_t length = 0;
    int error = read_file(request->file, text, &length, failure);
    struct rule_lines lines = {.next = text, .end = text + length};
    struct rule_lines tried = {.next = copy, .end = copy + length};
    enum rule_search found;
    bool any = false;
    struct mistake mistake;
    struct rule rule;

    if (error)
        return error;
    /* rule_next() cuts the text up. Nothing is printed of a file with a mistake. */
    memcpy(copy, text, length);
    while ((found = rule_next(&tried, &rule, &mistake)) == RULE_FOUND)
        any = true;
    if (found == RULE_MISTAKE)
        return fail_as(failure, FAILURE_POLICY, -EINVAL,
                       "line %u: %s; with this file only root may do anything", mistake.line,
                       mistake.reason);
    /* Such as policy.example as it is, or what a command that failed has left: nobody's intent. */
    if (!any)
        return fail_as(
            failure, FAILURE_POLICY, -ENODATA,
            "there is no rule: with this file only root may do anything; write a rule, or "
            "have no file, and then each caller may do everything");
    while (!error && rule_next(&lines, &rule, &mistake) == RULE_FOUND)
        error = print_rule(&rule, &session->output, failure);
    if (error)
        return error;
    return output_result(&session->output,
                         "The first rule for a caller's user or groups holds. Other callers may do "
                         "nothing, root everything.\n",
                         failure);
}

const struct task task_check_policy = {
    .name = "check-policy",
    .summary = "say what a policy file allows, or what is wrong with it",
    .details =
        "Reads <file>, wherever it is and whoever owns it, and prints what each rule "
        "allows. A mistake is an error that names its line. Changes nothing, and has no"
        " privilege: it reads what the caller can read. The policy in force is " CWG_POLICY_PATH
        ".\n",
    .arguments = {ARGUMENT_POLICY},
    .unprivileged = true,
    .run_at_home = run_at_home,
};
