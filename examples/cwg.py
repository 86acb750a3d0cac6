"""Links a container of this site with one of another, by net-admin-helper. Python 3.9 or newer, no other packages.

`Helper` runs the helper's tasks. `offer()` at the one site and `answer()` at the other do the whole exchange: each
makes its end, tells the other where it is, connects the two, and waits until they have answered each other. They talk
over whatever the two sites have for that: see `Transport`.

    site 1                                                  site 2
    with cwg.offer(site, transport, net=7) as link:         with cwg.answer(site, transport) as link:
        ...  # the containers communicate                       ...

What goes wrong is a `Failure`, or what the transport raises, and then the end that was made has been removed again.
There is no global state. All of this waits for processes and for the other site: in a program that uses asyncio, have
it done by a thread, `link = await asyncio.to_thread(cwg.offer, site, transport, 7)`.
"""

from __future__ import annotations

import ipaddress
import json
import os
import re
import socket
import subprocess
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Container, NamedTuple, Optional, Sequence, Union

VERSION = 1  # of the messages
LINE_MAX = 512  # bytes of a message; the longest there is has less than 200
NETS = range(8388608)
KEEPALIVE_BEHIND_NAT = 25  # seconds

_KEY = re.compile(r"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=")


class Failure(Exception):
    """What went wrong: the helper's own words, or what is wrong with what the other site said. `code` is the helper's
    word for the class of its failure, such as "exists", "port-in-use" or "silent". Programs tell failures apart by the
    code, since the wording may change. A failure that isn't the helper's has the code None."""

    def __init__(self, text: str, code: Optional[str] = None) -> None:
        super().__init__(text)
        self.code = code


# The helper -----------------------------------------------------------------------------------------------------------


class Created(NamedTuple):
    """What a new end of a link listens on, and its public key."""

    port: int
    key: str


class Helper:
    """The helper's tasks. A container is named by the pid of a process in it, or "fd:N", a descriptor of its network
    namespace. `command` is the program, looked up in PATH, or with what runs it: ["docker", "run", "--rm", ...]."""

    def __init__(self, command: Union[str, Sequence[str]] = "net-admin-helper") -> None:
        self.command = [command] if isinstance(command, str) else list(command)

    def create(self, pid: Union[int, str], net: int, host: int, port: int = 0) -> Created:
        """Makes an end of a link. Port 0 is one of the kernel's choice. If this is interrupted, there is none."""
        process = self._start("cwg_create", pid, net, host, port, "--json")
        try:
            return _read_created(self._result(process))
        except BaseException:
            if process.wait() == 0:
                self.destroy(pid, net, host)
            raise

    def connect(self, pid: Union[int, str], net: int, host: int, endpoint: str, key: str, *,
                preshared_key: Optional[str] = None, keepalive: Optional[int] = None,
                mtu: Optional[int] = None) -> None:
        """Tells an end where its peer is, whose host is `host`. The preshared key goes through a pipe."""
        options = [] if keepalive is None else [f"--persistent-keepalive={keepalive}"]
        options += [] if mtu is None else [f"--mtu={mtu}"]
        arguments = [pid, net, host, endpoint, key, *options, "--json"]
        if preshared_key is None:
            self.run("cwg_connect", *arguments)
            return
        _valid_key("preshared key", preshared_key)
        reader, writer = os.pipe()
        try:
            with open(writer, "w", encoding="ascii") as file:
                file.write(preshared_key)
            self.run("cwg_connect", *arguments, f"--preshared-key-file=fd:{reader}", descriptors=[reader])
        finally:
            os.close(reader)

    def destroy(self, pid: Union[int, str], net: int, host: int) -> None:
        """Removes an end of a link."""
        self.run("cwg_destroy", pid, net, host, "--json")

    def destroy_all(self, pid: Union[int, str]) -> None:
        """Removes all links of a container."""
        self.run("cwg_destroy_all", pid, "--json")

    def wait(self, pid: Union[int, str], net: int, host: int, seconds: int = 30) -> None:
        """Waits until the peer of an end has answered. `host` is this end's own."""
        self.run("cwg_wait", pid, net, host, seconds, "--json")

    def show(self, pid: Union[int, str], *end: int) -> list[dict[str, Any]]:
        """How the links of a container are, or the one of that net and host: cwg_show."""
        return list(json.loads(self.run("cwg_show", pid, *end, "--json")))

    def links(self, nets: Optional[range] = None) -> list[dict[str, Any]]:
        """How the links of all containers of this machine are, or those of some nets: cwg_list. If it couldn't look at
        all of them that is a Failure, with the code "incomplete"."""
        options = [] if nets is None else [f"--nets={nets[0]}-{nets[-1]}"]
        return list(json.loads(self.run("cwg_list", "--json", *options)))

    def run(self, task: str, *arguments: Union[int, str], descriptors: Sequence[int] = ()) -> str:
        """Runs any task; returns what it prints. A failure has a code if "--json" is among the arguments."""
        with self._start(task, *arguments, descriptors=descriptors) as process:
            return self._result(process)

    def _start(self, task: str, *arguments: Union[int, str], descriptors: Sequence[int] = ()) -> subprocess.Popen[str]:
        words = [str(argument) for argument in arguments]
        passed = {int(word[3:]) for word in words[:1] if re.fullmatch(r"fd:[0-9]{1,9}", word)}
        try:
            # In a session of its own, since a Ctrl-C at the terminal is for us: the helper is to end what it began.
            return subprocess.Popen([*self.command, task, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, pass_fds=passed.union(descriptors),
                                    start_new_session=True, encoding="ascii", errors="replace")
        except (OSError, ValueError) as error:
            raise Failure(f"can't run {self.command[0]}: {error}") from error

    def _result(self, process: subprocess.Popen[str]) -> str:
        output, error = process.communicate()
        if process.returncode != 0:
            # For wrong arguments there is a second line, the synopsis.
            raise Failure(error.partition("\n")[0] or f"{self.command[0]}: ended with status {process.returncode}",
                          _code_of(output))
        return output.strip()


def _code_of(output: str) -> Optional[str]:
    """The code of a failure, which is the last line that is printed with --json."""
    try:
        code = json.loads(output.rstrip("\n").rpartition("\n")[2])["code"]
    except (ValueError, KeyError, TypeError):
        return None
    return code if isinstance(code, str) else None


def _read_created(text: str) -> Created:
    try:
        told = json.loads(text)
        port, key = told["listen_port"], told["public_key"]
    except (ValueError, KeyError, TypeError):
        raise Failure("cwg_create --json printed something else than expected") from None
    return Created(_valid_number("listen port", port, 1, 65535), _valid_key("public key", key))


# What the sites tell each other ---------------------------------------------------------------------------------------


class Message(NamedTuple):
    """What a site tells the other of its end: a line of JSON, of these fields in this order and {"cwg":1} before
    them. `kind` is "offer" or "answer"; address and port are where its machine is reached."""

    kind: str
    net: int
    host: int
    address: Optional[str]  # None: not known, because the site is behind a NAT
    port: int
    key: str

    def encode(self) -> bytes:
        """The line, with its newline."""
        return json.dumps({"cwg": VERSION, **self._asdict()}, separators=(",", ":")).encode("ascii") + b"\n"

    @property
    def endpoint(self) -> str:
        """In the words of cwg_connect."""
        if self.address is None:
            return "-"
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"

    @classmethod
    def decode(cls, line: Union[bytes, str], kind: str) -> Message:
        """Reads a line that the other site sent, with or without its newline. That site may be broken, or hostile:
        what isn't exactly such a message is a Failure, whose text has nothing of the line in it."""
        fields = _read_object(line)
        version = fields.pop("cwg", None)
        if type(version) is not int or version != VERSION:  # 1 is True, and 1.0
            raise Failure(f"the other site's message is of another version than {VERSION}")
        if fields.keys() != set(cls._fields):
            raise Failure("the other site's message has other fields than it should")
        if fields["kind"] != kind:
            raise Failure(f"the other site's message is no {kind}")
        return cls(kind, _valid_number("net", fields["net"], 0, NETS[-1]), _valid_number("host", fields["host"], 0, 1),
                   _valid_address(fields["address"]), _valid_number("port", fields["port"], 1, 65535),
                   _valid_key("key", fields["key"]))


def _read_object(line: Union[bytes, str]) -> dict[str, Any]:
    if not line:
        raise Failure("the other site hung up")
    if len(line) > LINE_MAX:
        raise Failure("the other site's message is too long")
    try:
        text = line if isinstance(line, str) else line.decode("ascii")
        fields = json.loads(text, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError):
        raise Failure("the other site's message is no line of JSON") from None
    if not isinstance(fields, dict) or "\n" in text.rstrip("\n"):
        raise Failure("the other site's message is no line with one JSON object")
    return fields


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a name is there twice")
    return fields


def _valid_number(name: str, value: object, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise Failure(f"{name}: must be a number from {low} to {high}")
    return value


def _valid_key(name: str, value: object) -> str:
    if not isinstance(value, str) or not _KEY.fullmatch(value):
        raise Failure(f"{name}: must be 44 characters of base64 for 32 bytes")
    return value


def _valid_address(value: object) -> Optional[str]:
    """The address in its usual form, as the helper and everybody else write it. Which of them make sense as a peer's,
    the helper says."""
    if value is None:
        return None
    try:
        if isinstance(value, str) and "%" not in value:
            return str(ipaddress.ip_address(value))
    except ValueError:
        pass
    raise Failure("address: must be an IPv4 or IPv6 address, without a zone")


class Transport(NamedTuple):
    """How a site's messages get to the other one, and that one's here. `send` takes a line as bytes, newline included.
    `receive` returns the next line, as bytes or str, empty if the other site hung up. How long it waits is its own
    affair, and whatever it raises comes through. Any object with these two methods will do.

    Who can change what is sent can put themselves between the containers: let the transport be one that is encrypted,
    and knows whom it speaks with, as TLS and ssh are. A site that failed should close it: then the other one knows."""

    send: Callable[[bytes], object]
    receive: Callable[[], Union[bytes, str]]


def over_socket(connection: socket.socket, seconds: float = 60) -> Transport:
    """A connected stream socket, such as TCP's or ssl's, as a transport. A message has to be whole after so many
    seconds, else TimeoutError is raised. What comes behind a message is dropped, if it came at once with it."""

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


# The exchange ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Site:
    """This site, and how its end of a link is to be."""

    pid: Union[int, str]  # a process in the container, or "fd:N"
    address: Optional[str]  # where the other site reaches this machine; None: it can't, a NAT is in between
    port: int = 0  # UDP, of this machine; 0: one of the kernel's choice
    preshared_key: Optional[str] = field(default=None, repr=False)  # the same at both sites
    keepalive: Optional[int] = None  # seconds; None: 25 if there is a NAT in between, else none
    mtu: Optional[int] = None  # None: that of the path to the other site, less 80
    wait: Optional[int] = 30  # seconds for the other end to answer; None: it isn't waited for
    helper: Helper = Helper()


class Link:
    """This site's end of a link, from its making on. Removed by destroy(), or at the end of a `with`."""

    def __init__(self, site: Site, net: int, host: int) -> None:
        address = _valid_address(site.address)
        self.site, self.net, self.host = site, net, host
        self.peer: Optional[Message] = None
        self.port, self.key = site.helper.create(site.pid, net, host, site.port)
        self._address = address
        self._there = True

    def message(self, kind: str) -> Message:
        """What the other site has to know."""
        return Message(kind, self.net, self.host, self._address, self.port, self.key)

    def connect(self, peer: Message) -> None:
        """Tells this end of the other one."""
        if (peer.net, peer.host) != (self.net, 1 - self.host):
            raise Failure(f"the other site's message is about net {peer.net} host {peer.host}, "
                          f"not net {self.net} host {1 - self.host}")
        if peer.key == self.key:
            raise Failure("the other site's key is this site's own")
        if peer.address is None and self._address is None:
            raise Failure("neither site knows where the other one is: one of them has to have an address")
        keepalive = self.site.keepalive
        if keepalive is None and self._address is None:
            keepalive = KEEPALIVE_BEHIND_NAT
        self.site.helper.connect(self.site.pid, self.net, peer.host, peer.endpoint, peer.key, keepalive=keepalive,
                                 preshared_key=self.site.preshared_key, mtu=self.site.mtu)
        self.peer = peer

    def wait(self) -> None:
        """Waits as long as the site says until the other end has answered."""
        if self.site.wait is not None:
            self.site.helper.wait(self.site.pid, self.net, self.host, self.site.wait)

    def destroy(self) -> None:
        """Removes this end. Once is enough; and it is no failure that the container has ended, and the link with it."""
        if not self._there:
            return
        try:
            self.site.helper.destroy(self.site.pid, self.net, self.host)
        except Failure as failure:
            if failure.code != "no-such-process":
                raise
        self._there = False

    def __enter__(self) -> Link:
        return self

    def __exit__(self, *_: object) -> None:
        self.destroy()


def offer(site: Site, transport: Transport, net: int, host: int = 0) -> Link:
    """Site 1: makes its end of a net of its choice, offers it to the other site, and connects it with what that
    answers."""
    link = Link(site, net, host)
    try:
        transport.send(link.message("offer").encode())
        link.connect(Message.decode(transport.receive(), "answer"))
        link.wait()
    except BaseException:
        link.destroy()
        raise
    return link


def answer(site: Site, transport: Transport, nets: Container[int] = NETS) -> Link:
    """Site 2: receives the other site's offer, makes the other end of that net, if it is one of `nets`, connects it,
    and answers."""
    peer = Message.decode(transport.receive(), "offer")
    if peer.net not in nets:
        raise Failure(f"the other site offers net {peer.net}, which is none that is wanted here")
    link = Link(site, peer.net, 1 - peer.host)
    try:
        link.connect(peer)
        transport.send(link.message("answer").encode())
        link.wait()
    except BaseException:
        link.destroy()
        raise
    return link
