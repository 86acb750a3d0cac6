/* What the program writes to the descriptors its caller gave it. No capability is effective then: a
 * caller may have put anything there, a netlink socket for one. */
#pragma once

#include <stdbool.h>

struct failure;
struct target;
struct text;

/* The result of a task, to standard output, whole; or a part of it. Nothing of a container may be
 * open meanwhile: see target_leave(). Returns 0, or a negative errno with FAILURE_OUTPUT. */
int output_result(const char *text, struct failure *failure);

/* The same of a text, if all of it had room there. */
int output_text(const struct text *text, struct failure *failure);

/* The same for a task that goes on afterwards: leaves the target while it writes, and waits for
 * room for ten seconds at most. Returns 0, or a negative errno, and then the target may be closed
 * (target_is_open()). */
int output_and_return(struct target *target, const struct text *text, struct failure *failure);

/* For a batch, whose answer to a task is one line, with the result in it. Either the result is
 * diverted: it is added to a text and not written, until that is NULL. Or it becomes part of the
 * line as it comes: "ok " is written before the first part, and the newline at the end of a part
 * isn't written. output_line_begun() tells whether a part has come; output_line_end() ends that,
 * and not the line. */
void output_divert(struct text *text);
void output_line_start(void);
bool output_line_begun(void);
void output_line_end(void);

/* Whether a batch is at work on a line. */
bool output_in_batch(void);

/* Finds out whether people are reading, at terminals; before the sandbox is entered. What is noted
 * for them is written if they are, if no batch is at work, and if it can be written at once. */
void output_look(void);
/* Instead of an empty result, to standard output. */
void output_note_result(const char *text);
/* What is going on, to standard error; and whether there is any sense in that. */
void output_note(const char *text);
bool output_takes_notes(void);

/* Whether whoever is to read the answers of a batch is still there. Returns 0, or -EPIPE. */
int output_is_wanted(struct failure *failure);

/* Notes what doesn't keep a task from succeeding and may keep the link from working: one line of
 * our own. The first one of a task counts. output_warning() is that, or NULL; main() writes it to
 * standard error after a success. A batch, which has no place for it in its lines, forgets it. */
void output_warn(const char *text);
const char *output_warning(void);
void output_forget_warning(void);
void output_write_warning(void);

/* Text that is no result, to standard output. Returns 0, or a negative errno. */
int output_answer(const char *text, struct failure *failure);
