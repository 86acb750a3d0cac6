/* A folder of a test's own. */
#pragma once

enum {
    FOLDER_SIZE = 64,
};

/* Makes one in /tmp, and writes its path. */
void folder_make(char ret_folder[static FOLDER_SIZE]);

/* Returns the path of a file in it, until the next call. */
const char *folder_path(const char *folder, const char *name);

/* Makes one, as another user than root from here on: it is this user's XDG_RUNTIME_DIR. */
void folder_enter(char ret_folder[static FOLDER_SIZE]);

/* Removes it, as root again. */
void folder_leave(const char *folder);

/* Removes it with all that is in it. */
void folder_remove(const char *folder);
