#!/usr/bin/env python3
"""Links a container of each of two sites, which talk over TCP meanwhile:

    site 2$ two_sites.py answer 815 192.0.2.2 --listen 192.0.2.2:4000
    site 1$ two_sites.py offer 4711 192.0.2.1 --net 7 --connect 192.0.2.2:4000

It shows how the Python package cwg is used. TCP alone doesn't know whom it speaks with: put TLS around it
(ssl.SSLContext.wrap_socket), or use what your sites have in its place. The link stays; it goes with its container, or
by cwg_destroy.
"""

from __future__ import annotations

import argparse
import socket
import sys

import cwg


def place(text: str) -> tuple[str, int]:
    """HOST:PORT, or [IPv6]:PORT."""
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Links a container of this site with one of another.")
    parser.add_argument("part", choices=["offer", "answer"])
    parser.add_argument("pid", type=int, help="of a process in the container")
    parser.add_argument("address", help="where the other site reaches this machine; - if it can't")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--connect", type=place, metavar="HOST:PORT", help="where the other site listens, by TCP")
    where.add_argument("--listen", type=place, metavar="HOST:PORT", help="where this site is to listen for it")
    parser.add_argument("--net", type=int, help="to offer; or the only one to answer")
    parser.add_argument("--port", type=int, default=0, help="UDP; 0: one that is free")
    parser.add_argument("--preshared-key-file", help="the same key at both sites")
    parser.add_argument("--wait", type=int, default=30, help="so many seconds for the other end to answer")
    parser.add_argument("--helper", default="net-admin-helper", help="the program, if it isn't in PATH")
    arguments = parser.parse_args()
    if arguments.part == "offer" and arguments.net is None:
        parser.error("to offer, --net is needed")
    return arguments


def other_site(arguments: argparse.Namespace) -> socket.socket:
    if arguments.connect:
        return socket.create_connection(arguments.connect, timeout=30)
    family = socket.AF_INET6 if ":" in arguments.listen[0] else socket.AF_INET
    with socket.create_server(arguments.listen, family=family) as listener:
        return listener.accept()[0]


def link_up(arguments: argparse.Namespace) -> cwg.Link:
    key = None
    if arguments.preshared_key_file:
        with open(arguments.preshared_key_file, encoding="ascii") as file:
            key = file.read().strip()
    site = cwg.Site(arguments.pid, None if arguments.address == "-" else arguments.address, arguments.port,
                    preshared_key=key, wait=arguments.wait, helper=cwg.Helper(arguments.helper))
    with other_site(arguments) as connection:
        transport = cwg.over_socket(connection)
        if arguments.part == "offer":
            return cwg.offer(site, transport, arguments.net)
        return cwg.answer(site, transport, cwg.NETS if arguments.net is None else [arguments.net])


def main() -> None:
    try:
        link = link_up(read_arguments())
    except (cwg.Failure, OSError) as error:
        sys.exit(str(error))
    assert link.peer
    print(f"net {link.net} host {link.host} port {link.port} peer {link.peer.endpoint}")


if __name__ == "__main__":
    main()
