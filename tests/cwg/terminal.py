#!/usr/bin/env python3
"""Runs a command at a terminal of its own, and types: terminal.py [--type TEXT KEYS]... -- COMMAND...

When the command's output has TEXT (after what answered the one before), KEYS are typed; ^C is Ctrl-C. Prints what the
terminal shows. Exit status: the command's, 128 + N if signal N ended it; 124 after 100 seconds.
"""
import os
import pty
import select
import signal
import sys
import time

words = sys.argv[1:]
typed = []
while words and words[0] == "--type":
    typed.append((words[1].encode(), words[2].replace("^C", "\x03").encode()))
    words = words[3:]
pid, terminal = pty.fork()
if pid == 0:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs ignore it
    os.execvp(words[1], words[1:])
shown, seen = b"", 0
end = time.monotonic() + 100
while True:
    if not select.select([terminal], [], [], max(0, end - time.monotonic()))[0]:
        sys.exit(124)
    try:
        data = os.read(terminal, 65536)
    except OSError:  # the command has ended
        break
    shown += data
    if typed and typed[0][0] in shown[seen:]:
        seen = len(shown)
        os.write(terminal, typed.pop(0)[1])
sys.stdout.buffer.write(shown)
sys.stdout.flush()
code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.exit(code if code >= 0 else 128 - code)
