/* A step of a command's work, shown at a terminal while it lasts. */
#pragma once

/* Shows a step on standard error, in the place of the one before, if that is a terminal. An empty
 * text takes it away. */
void step_show(const char *text);
