"""The exchange of two sites, at whose end their containers are linked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Container, Optional, Union

from . import failures
from .checks import valid_address
from .failures import BadMessage, Failure
from .helper import Helper, Tasks
from .message import NETS, Message
from .transport import Transport

KEEPALIVE_BEHIND_NAT = 25  # seconds


@dataclass(frozen=True)
class Site:
    """This site, and the settings of its end of a link."""

    pid: Union[int, str]  # a process in the container, or "fd:N"
    address: Optional[str]  # the other site reaches this machine here; None: it can't, because of a NAT
    port: int = 0  # UDP, of this machine; 0: the kernel chooses one
    preshared_key: Optional[str] = field(default=None, repr=False)  # the same at both sites
    keepalive: Optional[int] = None  # seconds; None: 25 behind a NAT, else none
    mtu: Optional[int] = None  # None: the MTU of the path to the other site, less 80
    wait: Optional[int] = 30  # seconds for the other end to answer; None: don't wait for it
    helper: Tasks = Helper()  # or a Batch


class Link:
    """This site's end of a link, which the constructor makes. destroy() or the end of a `with` block removes it."""

    def __init__(self, site: Site, net: int, host: int) -> None:
        address = valid_address(site.address)
        self.site, self.net, self.host = site, net, host
        self.peer: Optional[Message] = None
        self.port, self.key = site.helper.create(site.pid, net, host, site.port)
        self._address = address
        self._there = True

    def message(self, kind: str) -> Message:
        """Returns what the other site has to know."""
        return Message(kind, self.net, self.host, self._address, self.port, self.key)

    def connect(self, peer: Message) -> None:
        """Tells this end of the other end."""
        if (peer.net, peer.host) != (self.net, 1 - self.host):
            raise BadMessage(f"the other site's message is about net {peer.net} host {peer.host}, "
                             f"not net {self.net} host {1 - self.host}")
        if peer.key == self.key:
            raise BadMessage("the other site's key is this site's own")
        if peer.address is None and self._address is None:
            raise Failure("neither site knows where the other one is: one of them has to have an address")
        keepalive = self.site.keepalive
        if keepalive is None and self._address is None:
            keepalive = KEEPALIVE_BEHIND_NAT
        self.site.helper.connect(self.site.pid, self.net, peer.host, peer.endpoint, peer.key, keepalive=keepalive,
                                 preshared_key=self.site.preshared_key, mtu=self.site.mtu)
        self.peer = peer

    def wait(self) -> None:
        """Waits until the other end has answered, as long as the site says."""
        if self.site.wait is not None:
            self.site.helper.wait(self.site.pid, self.net, self.host, self.site.wait)

    def destroy(self) -> None:
        """Removes this end. Once is enough. It is no failure if the container has ended, and the end with it."""
        if not self._there:
            return
        try:
            self.site.helper.destroy(self.site.pid, self.net, self.host)
        except failures.NoSuchProcess:
            pass
        self._there = False

    def __enter__(self) -> Link:
        return self

    def __exit__(self, kind: Optional[type[BaseException]], *_: object) -> None:
        if kind is None:
            self.destroy()
        else:
            self._give_up()

    def _give_up(self) -> None:
        """Removes this end because of an exception. The caller has to see that one, and no failure of this removal:
        a batch with `undo` that has ended has removed this end already."""
        try:
            self.destroy()
        except Failure:
            pass


def offer(site: Site, transport: Transport, net: int, host: int = 0) -> Link:
    """Site 1 makes its end of a net, offers it to the other site, and connects it by that site's answer."""
    link = Link(site, net, host)
    try:
        transport.send(link.message("offer").encode())
        link.connect(Message.decode(transport.receive(), "answer"))
        link.wait()
    except BaseException:
        link._give_up()
        raise
    return link


def answer(site: Site, transport: Transport, nets: Container[int] = NETS) -> Link:
    """Site 2 receives the other site's offer. If the net is one of `nets`, site 2 makes the other end of it, connects
    it, and answers."""
    peer = Message.decode(transport.receive(), "offer")
    if peer.net not in nets:
        raise BadMessage(f"the other site offers net {peer.net}, which is none that is wanted here")
    link = Link(site, peer.net, 1 - peer.host)
    try:
        link.connect(peer)
        transport.send(link.message("answer").encode())
        link.wait()
    except BaseException:
        link._give_up()
        raise
    return link
