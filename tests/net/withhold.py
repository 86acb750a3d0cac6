#!/usr/bin/env python3
"""A relay between two UDP sockets that can hold datagrams back: withhold.py NEAR ADDRESS FAR OWN TYPE WAY

Datagrams to port NEAR go on to ADDRESS, port FAR, from port OWN; their answers go back. SIGUSR1 blocks the direction
WAY ("there" or "back"): the relay keeps datagrams whose first byte is TYPE (a message of WireGuard's), and drops
others. At SIGUSR2 it sends all that it has kept.

Prints "ready"; "kept" and "sent" for each datagram. Ends after two minutes."""
import os
import select
import signal
import socket
import sys

near_port, address, far_port, own_port, kind, way = sys.argv[1:]
near, far = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
near.bind(("0.0.0.0", int(near_port)))
far.bind(("0.0.0.0", int(own_port)))
kept = []
holds = False
last_heard = None
told, tell = os.pipe()
os.set_blocking(tell, False)
signal.set_wakeup_fd(tell)
for number in (signal.SIGUSR1, signal.SIGUSR2):
    signal.signal(number, lambda *_: None)
signal.alarm(120)


def pass_on(data, direction):
    """One datagram."""
    if direction == "there":
        far.sendto(data, (address, int(far_port)))
    elif last_heard:
        near.sendto(data, last_heard)


def take(data, direction):
    """One that has come."""
    if not holds or direction != way:
        pass_on(data, direction)
    elif data[0] == int(kind):
        kept.append(data)
        print("kept", flush=True)


print("ready", flush=True)
while True:
    ready = select.select([near, far, told], [], [])[0]
    if near in ready:
        datagram, last_heard = near.recvfrom(65535)
        take(datagram, "there")
    if far in ready:
        take(far.recv(65535), "back")
    if told in ready and os.read(told, 1)[0] == signal.SIGUSR1:
        holds = True
    elif told in ready:
        while kept:
            pass_on(kept.pop(0), way)
            print("sent", flush=True)
