/* The place of a program. */
#pragma once

enum {
    PROGRAM_PATH_SIZE = 512,
};

/* Finds a program in the folders of PATH as execvp(3) does: the first regular file of this name
 * that the caller may execute; if there is none, the first that is there. Folders that the caller
 * may not look into are passed over. Writes its path. Returns 0; -EACCES if the caller may not
 * execute it; or -ENOENT. */
int program_find(const char *name, char ret_path[static PROGRAM_PATH_SIZE]);
