#!/usr/bin/env python3
"""Gives its standard input to `cwg serve` at once, and ends the session's input when there are as many answers as
lines, or no more answers come: ask.py COMMAND... Prints the answers, and ends with the command's exit status."""

import subprocess
import sys
import threading

requests = sys.stdin.buffer.read()
server = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def write():
    try:
        server.stdin.write(requests)
        server.stdin.flush()
    except BrokenPipeError:
        pass


threading.Thread(target=write, daemon=True).start()
for _ in range(requests.count(b"\n")):
    answer = server.stdout.readline()
    sys.stdout.buffer.write(answer)
    sys.stdout.flush()
    if not answer:
        break
try:
    server.stdin.close()
except BrokenPipeError:
    pass
sys.exit(server.wait())
