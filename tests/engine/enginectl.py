#!/usr/bin/env python3
"""Speaks to a running engine on its control socket, as root: what the helper doesn't say, such as a preshared key.

    enginectl.py PROCESS get [NAME]        all lines of the answer, or the values of one name; of the name
                                           handshaken, when the last handshake was: seconds since 1970, 0: never
    enginectl.py PROCESS set NAME=VALUE... sets a peer; keys may be in base64
    enginectl.py PROCESS forget            makes a stranger the peer, so that nothing of the one before is left
    enginectl.py PROCESS renew SECONDS NAME=VALUE...
                                           forgets the peer and sets it, over and over, for so long
    enginectl.py PROCESS hold NUMBER       keeps so many connections that never say a word, until it is killed

The names are those of src/engine/control/configuration.h. Exit code: 0, or 1 if the engine says that something went
wrong.
"""
import base64
import ctypes
import os
import re
import socket
import sys
import time

CLONE_NEWNET = 0x40000000


def enter(process):
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/proc/{process}/ns/net") as there:
        if libc.setns(there.fileno(), CLONE_NEWNET) != 0:
            sys.exit("enginectl: can't enter the engine's network namespace")


def connect():
    control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    control.connect("\0cwg-engine")  # without a timeout it waits where the queue is full
    control.settimeout(10)
    return control


def ask(request):
    with connect() as control:
        control.send(request.encode())
        return control.recv(8192).decode()


def line(word):
    name, _, value = word.partition("=")
    if re.fullmatch(r"[A-Za-z0-9+/]{43}=", value):
        value = base64.b64decode(value).hex()
    return f"{name}={value}\n"


def peer(words):
    return "set=1\n" + "".join(map(line, words)) + "\n"


def check(answer):
    if not answer.endswith("errno=0\n\n"):
        sys.exit(f"enginectl: the engine answers {answer!r}")


def get(words):
    lines = [entry.partition("=") for entry in ask("get=1\n\n").split("\n") if entry]
    for name, _, value in lines:
        if not words:
            print(f"{name}={value}")
        elif name == words[0]:
            print(value)
    if words == ["handshaken"]:
        ages = [int(value) for name, _, value in lines if name == "last_handshake_age_ms"]
        print(int(time.time() - ages[0] / 1000) if ages else 0)


def forget():
    check(ask(peer([f"public_key={os.urandom(32).hex()}"])))


def renew(words):
    end = time.monotonic() + float(words[0])
    times = 0
    while time.monotonic() < end:
        forget()
        check(ask(peer(words[1:])))
        times += 1
        time.sleep(0.05)  # who is asked hears no more than fifty a second
    print(times)


def hold(words):
    connections = [connect() for _ in range(int(words[0]))]
    print(len(connections), flush=True)
    while True:
        time.sleep(60)


def main():
    process, verb, *words = sys.argv[1:]
    enter(process)
    if verb == "get":
        get(words)
    elif verb == "set":
        check(ask(peer(words)))
    elif verb == "forget":
        forget()
    elif verb == "renew":
        renew(words)
    elif verb == "hold":
        hold(words)
    else:
        sys.exit(__doc__)


main()
