#!/usr/bin/env python3
"""An ssh that notes cwg's requests, and holds a message: CWG_SSH="relay.py DIRECTORY MESSAGE".

MESSAGE is request:NAME, before the other machine has it, or answer:NAME, before cwg has it. When it comes,
DIRECTORY/held appears. It waits for DIRECTORY/go. DIRECTORY/requests lists the requests' names, and DIRECTORY/lines
has the requests themselves. Exit status: ssh's.
"""
import os
import re
import sys

if sys.argv[3] in ("-G", "-O"):  # what ssh's configuration says, and whether a connection is open; nothing to hold
    os.execvp("ssh", ["ssh", *sys.argv[3:]])

import subprocess
import threading
import time

directory, held = sys.argv[1:3]
ssh = subprocess.Popen(["ssh", *sys.argv[3:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
asked = []


def hold(message):
    """Waits, if it is this message's turn."""
    if message == held:
        open(directory + "/held", "w", encoding="ascii").close()
        while not os.path.exists(directory + "/go"):
            time.sleep(0.01)


def relay_requests():
    """From cwg to ssh."""
    for line in sys.stdin.buffer:
        named = re.search(rb'"do":"(\w+)"', line)
        name = named[1].decode() if named else "greeting"
        asked.append(name)
        with open(directory + "/requests", "a", encoding="ascii") as log:
            log.write(name + "\n")
        with open(directory + "/lines", "ab") as log:
            log.write(line)
        hold("request:" + name)
        try:
            ssh.stdin.write(line)
            ssh.stdin.flush()
        except BrokenPipeError:
            break
    try:
        ssh.stdin.close()
    except BrokenPipeError:
        pass


def relay_answers():
    """From ssh to cwg. Answers come in the order of requests."""
    for line in ssh.stdout:
        if asked and b'"busy"' not in line:
            hold("answer:" + asked.pop(0))
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()


threading.Thread(target=relay_requests, daemon=True).start()
try:
    relay_answers()
except BrokenPipeError:
    pass
sys.stdout = None
status = ssh.wait()
os._exit(status if status >= 0 else 128 - status)
