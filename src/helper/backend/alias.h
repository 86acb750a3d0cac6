/* The alias of an engine's device, which names the engine's process. Pure: bytes in, values out. */
#pragma once

enum {
    ALIAS_SIZE = 48, /* with its NUL */
};

/* The alias of an engine's device: "net-admin-helper: engine, process PID". */
void alias_write(int process, char ret_alias[static ALIAS_SIZE]);

/* Reads an alias that is exactly what alias_write() writes. Returns 0, or -EBADMSG. The number is
 * only a hint: root in the container can write the alias. */
int alias_parse(const char *alias, int *ret_process);
