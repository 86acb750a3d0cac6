/* Writes results, notes and warnings to the caller's descriptors. No capability is effective then:
 * a caller's descriptor may be anything, such as a netlink socket. */
#pragma once

#include <stdbool.h>

/* The state of the output. {0} before output_look().
 *
 * A batch answers a task by one line with its result. Either it diverts the result. Or it sets
 * `in_line`: then the result becomes part of the line as it comes; "ok " is written before its
 * first part, and a newline at a part's end is left out. */
struct output {
    struct text *diverted; /* NULL, or results are added to this text and not written */
    bool in_line;
    bool begun; /* a part of the line was written */
    bool people_see_results;
    bool people_see_notes;
    const char *warning; /* or NULL */
};

struct failure;
struct target;
struct text;

/* Writes a task's result, or a part of it, to standard output. Nothing of a container may be open:
 * see target_leave(). Returns 0, or a negative errno with FAILURE_OUTPUT. */
int output_result(struct output *output, const char *text, struct failure *failure);

/* The same for a text, which must not have overflowed. */
int output_text(struct output *output, const struct text *text, struct failure *failure);

/* The same for a task that goes on afterwards: leaves the target while it writes, and waits for
 * room at most ten seconds. Returns 0, or a negative errno, and then the target may be closed
 * (target_is_open()). */
int output_and_return(struct output *output, struct target *target, const struct text *text,
                      struct failure *failure);

/* Is a batch at work on a line? */
bool output_in_batch(const struct output *output);

/* Finds out if people are reading, at terminals, before the sandbox is entered. Notes for people
 * are written only to terminals, outside of a batch, and if they can be written at once. */
void output_look(struct output *output);
/* Writes a note to standard output, in the place of an empty result. */
void output_note_result(const struct output *output, const char *text);
/* Writes a note to standard error; and tells if notes are written at all. */
void output_note(struct output *output, const char *text);
bool output_takes_notes(const struct output *output);

/* Checks that somebody still reads a batch's answers. Returns 0, or -EPIPE. */
int output_is_wanted(const struct output *output, struct failure *failure);

/* Keeps a warning: the task succeeds, but the link may not work. A task's first warning counts;
 * `text` is a constant of one line. After a success main() has it written to standard error. A
 * batch, whose lines have no place for it, drops it. */
void output_warn(struct output *output, const char *text);
void output_write_warning(const struct output *output);

/* Writes a text that is no result to standard output. Returns 0, or a negative errno. */
int output_answer(const char *text, struct failure *failure);
