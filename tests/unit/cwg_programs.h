/* Programs that stand in for ssh, the helper and the engines: shell scripts in a folder that is all
 * of PATH. */
#pragma once

/* Makes the folder, and sets PATH. */
void programs_begin(void);

/* Writes a program. The script has the usual commands. */
void programs_write(const char *name, const char *script);

/* Writes a file beside the programs; with NULL, removes it. */
void programs_put(const char *name, const char *text);

/* The folder. */
const char *programs_folder(void);

/* Removes the folder with all that is in it. */
void programs_end(void);
