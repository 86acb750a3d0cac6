/* What the commands share. */
#pragma once

#include <limits.h>

#include "cwg/base/status.h"

/* Runs the command that the arguments name. Returns the exit status. */
int command_run(int argc, char *argv[]);

/* Print a text on standard error, and return EXIT_USAGE or EXIT_FAILED. */
int wrong(const char *text);
int failed(const char *text);

/* Says what is wrong with an option, after getopt_long() has returned ':' or '?'. Returns
 * EXIT_USAGE. The caller's option string begins with ':', so that getopt says nothing itself. */
int wrong_option(const char *command, int found);

/* Writes the directory of an agent's key and store: the given one, else as cwg.conf(5) says. A file
 * of settings that is wrong is told of on standard error, and counts as if it weren't there. */
void state_directory(const char *given, char ret_path[static PATH_MAX]);

/* The commands. argv[0] is the command's name. */
int run_join(int argc, char *argv[]);
int run_leave(int argc, char *argv[]);
int run_status(int argc, char *argv[]);
int run_doctor(int argc, char *argv[]);
int run_ps(int argc, char *argv[]);
int run_pid(int argc, char *argv[]);
int run_agent(int argc, char *argv[]);
int run_inbox(int argc, char *argv[]);
int run_declare(int argc, char *argv[]);
int run_forget(int argc, char *argv[]);
int run_etcd(int argc, char *argv[]);
int run_keys(int argc, char *argv[]);
int run_plugin(int argc, char *argv[]);
