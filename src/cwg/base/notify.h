/* What systemd is told, as sd_notify(3) does it. Nothing happens if systemd doesn't listen. */
#pragma once

#include <stdint.h>

/* Tells systemd a unit's state in one line, which `systemctl status` shows. */
void notify_status(const char *text);

/* The unit has started, or has read its settings anew. */
void notify_ready(void);
void notify_reloading(void);

/* Says that this process lives. notify_alive_ms() is how often systemd is to hear that: half of the
 * unit's WatchdogSec=, in milliseconds; 0 if systemd doesn't wait for it from this process. */
void notify_alive(void);
int64_t notify_alive_ms(void);
