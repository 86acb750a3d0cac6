/* What `cwg doctor` finds out about this machine, all of it without privilege. */
#pragma once

#include <jansson.h>

#include "cwg/machine/helper.h"

/* A finding's result. A note is told, and judged neither good nor bad: its subject couldn't be
 * seen, or nothing depends on it. */
#define FOUND_OK   "ok"
#define FOUND_NOTE "note"
#define FOUND_WARN "warn"
#define FOUND_FAIL "fail"

/* Appends a finding: {"check":"mode","result":"ok","text":"..."}. The text has what was looked at
 * and, unless all is well, what to do: one printable line. */
void finding_add(json_t *findings, const char *check, const char *result, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Checks all. The batch of `helper` makes and removes a link for a trial; if it couldn't be
 * started, `helper_failure` has a text. */
void checkup(struct helper *helper, const struct failure *helper_failure, json_t *findings);

/* The parts of checkup(). The installed program: its file, group, version and policy.
 * Writes the output of `net-admin-helper --version`, or "" if it isn't known. */
enum {
    VERSION_TEXT_SIZE = 1024,
};
void checkup_program(json_t *findings, char ret_version[static VERSION_TEXT_SIZE]);

/* The machine around it: this session's rights, what carries links, engines, firewalls. */
void checkup_machine(json_t *findings, const char *version);
