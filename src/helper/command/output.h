/* What the program writes to the descriptors its caller gave it. No capability is effective then: a
 * caller may have put anything there, a netlink socket for one. */
#pragma once

#include <stdbool.h>

/* How results are written, and who reads. {0} before output_look(). */
struct output {
    struct text *diverted; /* results go to here, if not NULL */
    bool in_line;          /* as part of a line */
    bool begun;            /* the line has begun */
    bool people_see_results;
    bool people_see_notes;
    const char *warning; /* or NULL */
};

struct failure;
struct target;
struct text;

/* The result of a task, to standard output, whole; or a part of it. Nothing of a container may be
 * open meanwhile: see target_leave(). Returns 0, or a negative errno with FAILURE_OUTPUT. */
int output_result(struct output *output, const char *text, struct failure *failure);

/* The same of a text, if all of it had room there. */
int output_text(struct output *output, const struct text *text, struct failure *failure);

/* The same for a task that goes on afterwards: leaves the target while it writes, and waits for
 * room for ten seconds at most. Returns 0, or a negative errno, and then the target may be closed
 * (target_is_open()). */
int output_and_return(struct output *output, struct target *target, const struct text *text,
                      struct failure *failure);

/* For a batch, whose answer to a task is one line, with the result in it. Either the result is
 * diverted: it is added to a text and not written, until that is NULL. Or it becomes part of the
 * line as it comes: "ok " is written before the first part, and the newline at the end of a part
 * isn't written; `begun` tells whether a part has come. output_line_end() ends that, and not the
 * line. */
void output_divert(struct output *output, struct text *text);
void output_line_start(struct output *output);
void output_line_end(struct output *output);

/* Whether a batch is at work on a line. */
bool output_in_batch(const struct output *output);

/* Finds out whether people are reading, at terminals; before the sandbox is entered. What is noted
 * for them is written if they are, if no batch is at work, and if it can be written at once. */
void output_look(struct output *output);
/* Instead of an empty result, to standard output. */
void output_note_result(const struct output *output, const char *text);
/* What is going on, to standard error; and whether there is any sense in that. */
void output_note(struct output *output, const char *text);
bool output_takes_notes(const struct output *output);

/* Whether whoever is to read the answers of a batch is still there. Returns 0, or -EPIPE. */
int output_is_wanted(const struct output *output, struct failure *failure);

/* Notes what doesn't keep a task from succeeding and may keep the link from working: one line of
 * our own. The first one of a task counts. main() has it written to standard error after a success.
 * A batch, which has no place for it in its lines, forgets it. */
void output_warn(struct output *output, const char *text);
void output_write_warning(const struct output *output);

/* Text that is no result, to standard output. Returns 0, or a negative errno. */
int output_answer(const char *text, struct failure *failure);
