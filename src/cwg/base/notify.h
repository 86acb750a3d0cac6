/* What systemd is told, as sd_notify(3) does it. */
#pragma once

/* Tells systemd a unit's state in one line, which `systemctl status` shows. Does nothing if systemd
 * doesn't listen. */
void notify_status(const char *text);
