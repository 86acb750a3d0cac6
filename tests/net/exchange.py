#!/usr/bin/env python3
"""Runs the exchange of the Python package cwg, for tests/net/python.bats:

    exchange.py both SITE1 SITE2          two threads, over a pair of sockets
    exchange.py offer|answer SITE LINE    one site; the other one sends LINE, whatever comes
    exchange.py bash SITE1 COMMAND...     site 1 over the pipes of a command that answers

A site is a JSON object of what cwg.Site takes, with "command" for the helper's, "batch" if it is true that one process
is to do all tasks, and "net" or "nets". A line may be
"hang up", "stay silent", "refuse": the other site then takes nothing that is sent to it, or "interrupt", and KEY in it
stands for this site's own. What was linked is printed, a line for each site: net, host, port, endpoint of the peer.
What failed is told on standard error, and the exit code is 1.
"""

import json
import socket
import subprocess
import sys
import threading

import cwg


def site_of(text):
    """The site, and the object's other members."""
    values = json.loads(text)
    rest = {name: values.pop(name) for name in ("net", "nets") if name in values}
    helper = cwg.Helper(values.pop("command"))
    return cwg.Site(helper=cwg.Batch(helper) if values.pop("batch", False) else helper, **values), rest


def tell(link):
    print(link.net, link.host, link.port, link.peer.endpoint, flush=True)


def part(kind, text, transport):
    site, rest = site_of(text)
    try:
        return cwg.offer(site, transport, **rest) if kind == "offer" else cwg.answer(site, transport, **rest)
    finally:
        if isinstance(site.helper, cwg.Batch):
            site.helper.close()


def both(texts):
    """Runs both sites, each of which closes its socket if it failed."""
    failures = []
    links = {}

    def run(kind, text, connection):
        with connection:
            try:
                links[kind] = part(kind, text, cwg.over_socket(connection, 10))
            except Exception as failure:
                failures.append(f"{kind}: {failure}")

    threads = [threading.Thread(target=run, args=arguments)
               for arguments in zip(["offer", "answer"], texts, socket.socketpair())]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for kind in links:
        tell(links[kind])
    if failures:
        sys.exit("\n".join(failures))


class Other:
    """Plays the other site, which sends one line, whatever it is told."""

    def __init__(self, line):
        self.line = line
        self.own_key = ""

    def send(self, line):
        if self.line == "refuse":
            raise BrokenPipeError("the other site takes nothing")
        self.own_key = json.loads(line)["key"]
        print("sent", flush=True)

    def receive(self):
        if self.line == "interrupt":
            raise KeyboardInterrupt
        if self.line == "stay silent":
            here, there = socket.socketpair()
            with here, there:
                return cwg.over_socket(here, 0.2).receive()
        return "" if self.line == "hang up" else self.line.replace("KEY", self.own_key) + "\n"


def alone(kind, text, line):
    try:
        tell(part(kind, text, Other(line)))
    except KeyboardInterrupt:
        sys.exit("interrupted")
    except (cwg.Failure, OSError) as failure:
        sys.exit(f"{type(failure).__name__}: {failure}")


def with_command(text, command):
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    tell(part("offer", text, cwg.Transport(child.stdin.write, lambda: child.stdout.readline(cwg.LINE_MAX + 1))))
    sys.exit(child.wait())


if __name__ == "__main__":
    if sys.argv[1] == "both":
        both(sys.argv[2:])
    elif sys.argv[1] == "bash":
        with_command(sys.argv[2], sys.argv[3:])
    else:
        alone(*sys.argv[1:])
