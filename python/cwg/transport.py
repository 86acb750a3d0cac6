"""How messages get from one site to the other."""

from __future__ import annotations

import socket
import time
from typing import Callable, NamedTuple, Union

from .message import LINE_MAX


class Transport(NamedTuple):
    """Carries a site's messages to the other site, and back. `send` takes a line as bytes, with its newline. `receive`
    returns the next line, as bytes or str, and an empty line if the other site hung up. The transport decides how long
    it waits, and what it raises passes through. Any object with these two methods is a transport.

    Whoever can change the messages can put themselves between the containers. So use a transport that encrypts, and
    that knows whom it speaks with, such as TLS and ssh. Close it after a failure: then the other site knows."""

    send: Callable[[bytes], object]
    receive: Callable[[], Union[bytes, str]]


def over_socket(connection: socket.socket, seconds: float = 60) -> Transport:
    """Makes a transport of a connected stream socket, such as TCP's or ssl's. After so many seconds without a whole
    message, it raises TimeoutError. It drops bytes behind a message that came together with the message."""

    def receive() -> bytes:
        deadline = time.monotonic() + seconds
        line = b""
        while b"\n" not in line and len(line) <= LINE_MAX:
            connection.settimeout(max(deadline - time.monotonic(), 0.001))
            part = connection.recv(LINE_MAX)
            if not part:
                break
            line += part
        message, newline, _ = line.partition(b"\n")
        return message + newline

    def send(line: bytes) -> None:
        connection.settimeout(seconds)
        connection.sendall(line)

    return Transport(send, receive)
