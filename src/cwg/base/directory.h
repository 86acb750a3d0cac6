/* Directories of this user's own. */
#pragma once

/* Makes a directory, and those above it that aren't there, each for the user alone. Returns 0 if it
 * is there then, or a negative errno. */
int directory_make(const char *path);
