/* Writes and reads the alias of an engine's device, which names the engine's process. Pure. */
#pragma once

enum {
    ALIAS_SIZE = 48, /* with its NUL */
};

/* Writes "net-admin-helper: engine, process PID". */
void alias_write(int process, char ret_alias[static ALIAS_SIZE]);

/* Reads an alias written by alias_write(). Returns 0, or -EBADMSG. The number is only a hint: root
 * in the container can write any alias. */
int alias_parse(const char *alias, int *ret_process);
