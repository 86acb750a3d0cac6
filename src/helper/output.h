/* What the program writes to the descriptors its caller gave it. No capability is effective then: a
 * caller may have put anything there, a netlink socket for one. */
#pragma once

#include <stdbool.h>

struct failure;
struct task;
struct text;

/* The result of a task, to standard output, whole. Returns 0, or a negative errno. */
int output_result(const char *text, struct failure *failure);

/* The same of a text, if all of it had room there. */
int output_text(const struct text *text, struct failure *failure);

/* From now on results are added to a text, and not written; with NULL, they are written again. For
 * a batch, which writes a line that a result is only a part of. */
void output_divert(struct text *text);
bool output_is_diverted(void);

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

/* The help on a task, or on the program if `task` is NULL, and the version, to standard output. */
int output_help(const struct task *task, struct failure *failure);
int output_version(struct failure *failure);

/* The failure as a JSON object, to standard output; and as text, to standard error. Nobody is told
 * if that fails. */
void output_failure_json(const struct failure *failure);
void output_failure(const struct failure *failure);
