#!/usr/bin/env python3
"""Sends data through a link both ways, and checks that it arrives unchanged.

    traffic.py sizes NAMESPACE1 ADDRESS1 NAMESPACE2 ADDRESS2 MTU    UDP of many sizes, and a stream of TCP each way
    traffic.py load NAMESPACE1 ADDRESS1 NAMESPACE2 ADDRESS2         many streams at once, then UDP as fast as it goes

One process has sockets in both containers, because a test in a VM is slow to start programs. A datagram of at most MTU
bytes with its headers has to pass with the don't-fragment bit; a longer one must not, and passes in fragments. Of UDP
as fast as it goes some is lost; what arrives has to be right. Exit code: 0, or 1 with what went wrong.
"""
import ctypes
import errno
import os
import socket
import sys
import threading
import time

CLONE_NEWNET = 0x40000000
IP_MTU_DISCOVER, DONT, DO = 10, 0, 2
HEADERS = 28  # of IPv4 and UDP
STREAMS, STREAM = 10, 200000
PATIENCE = 30  # seconds; an emulated processor is slow

libc = ctypes.CDLL(None, use_errno=True)


class End:
    """A container's sockets."""

    def __init__(self, namespace, address, streams=1):
        self.address = address
        with open(namespace, encoding="ascii") as there:
            if libc.setns(there.fileno(), CLONE_NEWNET) != 0:
                sys.exit(f"can't enter {namespace}")
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.clients = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(streams)]
        for each in (self.udp, self.listener, *self.clients):
            each.settimeout(PATIENCE)
            each.bind((address, 0))
        self.listener.listen()


def datagram(sender, receiver, length, discover):
    sent = os.urandom(length)
    sender.udp.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, discover)
    sender.udp.sendto(sent, receiver.udp.getsockname())
    got, source = receiver.udp.recvfrom(65535)
    if got != sent or source != sender.udp.getsockname():
        sys.exit(f"{length} bytes from {sender.address} have arrived as {len(got)} from {source}, or changed")


def datagrams(sender, receiver, longest):
    for length in (0, 1, 100, longest - 1, longest):
        datagram(sender, receiver, length, DO)
    for length in (longest + 1, longest + 3000, 65507):
        datagram(sender, receiver, length, DONT)
        try:
            datagram(sender, receiver, length, DO)
        except OSError as error:
            if error.errno != errno.EMSGSIZE:
                raise
        else:
            sys.exit(f"{length} bytes are too long, and have been sent")


def read_all(connection, received):
    with connection:
        connection.settimeout(PATIENCE)
        while data := connection.recv(65536):
            received.append(data)


def write_all(client, content):
    with client:
        client.sendall(content)


def streams(sender, receiver):
    """Starts all of a sender's streams, each with data of its own. Returns a function that waits for their end."""
    contents, threads = {}, []
    for client in sender.clients:
        client.connect(receiver.listener.getsockname())
        connection, source = receiver.listener.accept()
        sent, received = os.urandom(STREAM), []
        contents[source] = sent, received
        threads.append(threading.Thread(target=read_all, args=(connection, received)))
        threads.append(threading.Thread(target=write_all, args=(client, sent)))
    for thread in threads:
        thread.start()

    def finish():
        for thread in threads:
            thread.join()
        for source, (sent, received) in contents.items():
            if b"".join(received) != sent:
                sys.exit(f"what {source} has sent by TCP has arrived otherwise")

    return finish


def flood(sender, receiver):
    """Sends UDP for half a second."""
    content = os.urandom(1200)
    end = time.monotonic() + 0.5
    sent = received = 0
    sender.udp.settimeout(10)
    receiver.udp.settimeout(0)
    while time.monotonic() < end:
        sender.udp.sendto(content, receiver.udp.getsockname())
        sent += 1
        try:
            while True:
                if receiver.udp.recv(65535) != content:
                    sys.exit("a datagram has changed on its way")
                received += 1
        except BlockingIOError:
            pass
    print(f"{received} of {sent} datagrams have come to {receiver.address}")
    if received < sent // 100:
        sys.exit("that is too few")


def main(what, namespace1, address1, namespace2, address2, mtu=0):
    count = STREAMS if what == "load" else 1
    one, two = End(namespace1, address1, count), End(namespace2, address2, count)
    if what == "sizes":
        for sender, receiver in ((one, two), (two, one)):
            datagrams(sender, receiver, int(mtu) - HEADERS)
            streams(sender, receiver)()
    else:
        for finish in [streams(one, two), streams(two, one)]:
            finish()
        flood(one, two)
        flood(two, one)


if __name__ == "__main__":
    if sys.argv[1:2] not in (["sizes"], ["load"]) or len(sys.argv) != (7 if sys.argv[1] == "sizes" else 6):
        sys.exit(__doc__)
    main(*sys.argv[1:])
