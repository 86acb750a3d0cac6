"""The failures. Each code of the helper has a class here: "port-in-use" is `PortInUse`. net-admin-helper(8) has the
codes, and doc/net-admin-helper.schema.json has them for programs. A code never changes its meaning, a text may.

    try:
        helper.create(pid, net=7, host=0)
    except cwg.failures.Exists:
        ...  # the link is there already
"""

from __future__ import annotations

from typing import Optional


class Failure(Exception):
    """A call failed. The text is for people. `code` is the helper's word for the class of its failure. It is None if
    the helper gave no code, and if the failure isn't the helper's."""

    code: Optional[str] = None


class BadMessage(Failure):
    """The other site hung up, sent no proper message, or sent a message that doesn't fit. It has no code."""


class System(Failure):
    """The kernel refused a step; the text names the step and the errno."""

    code = "system"


class Usage(Failure):
    """An argument or option is wrong; the text says which."""

    code = "usage"


class NotPermitted(Failure):
    """The caller may not do this; or the program lacks its capabilities; or the process is in the machine's own
    namespace."""

    code = "not-permitted"


class Policy(Failure):
    """The policy has no rule that permits the command, or has a mistake."""

    code = "policy"


class NoSuchProcess(Failure):
    """There is no such process: the container isn't running."""

    code = "no-such-process"


class Exists(Failure):
    """The link exists already."""

    code = "exists"


class NameTaken(Failure):
    """Another device, which is not a link of this program, has the link's name."""

    code = "name-taken"


class NoSuchLink(Failure):
    """The container has no such link."""

    code = "no-such-link"


class Unfinished(Failure):
    """The cwg_create that made the link was killed."""

    code = "unfinished"


class Overlap(Failure):
    """The container uses the link's addresses already."""

    code = "overlap"


class OtherEnd(Failure):
    """The other end of the net is in this container, and is connected elsewhere."""

    code = "other-end"


class Limit(Failure):
    """The container has as many links as a container may have."""

    code = "limit"


class PortInUse(Failure):
    """Another socket has the UDP port; or no port is free."""

    code = "port-in-use"


class PortNotPermitted(Failure):
    """Only root may have a port as low as this."""

    code = "port-not-permitted"


class NoRoute(Failure):
    """This machine has no route to the endpoint."""

    code = "no-route"


class OwnEndpoint(Failure):
    """The peer's endpoint is the link's own."""

    code = "own-endpoint"


class OwnKey(Failure):
    """The peer's key is the link's own."""

    code = "own-key"


class NotConnected(Failure):
    """The link has no peer yet."""

    code = "not-connected"


class Silent(Failure):
    """The peer doesn't answer."""

    code = "silent"


class WrongAddress(Failure):
    """The peer's packets come from another address than the peer's."""

    code = "wrong-address"


class Filtered(Failure):
    """The peer is alive, but nothing comes back from the peer's address; or a filter in this container lets nothing
    out."""

    code = "filtered"


class Down(Failure):
    """Somebody has set the device down, or has taken the device's address away."""

    code = "down"


class PortLost(Failure):
    """The network namespace with the link's UDP socket is gone."""

    code = "port-lost"


class EngineLost(Failure):
    """The helper can't find the link's engine, or can't prove that a process is the link's engine."""

    code = "engine-lost"


class EngineBusy(Failure):
    """The link's engine doesn't answer."""

    code = "engine-busy"


class NoBackend(Failure):
    """The kernel has no WireGuard, and there is no engine."""

    code = "no-backend"


class Unsupported(Failure):
    """The kernel is too old, or lacks something."""

    code = "unsupported"


class Shortage(Failure):
    """There are too few descriptors or processes, or there is too little memory."""

    code = "shortage"


class Output(Failure):
    """The helper couldn't deliver the result."""

    code = "output"


class Removed(Failure):
    """Somebody removed the link, its device or its private key during the command."""

    code = "removed"


class Batch(Failure):
    """The process that starts engines for a batch has ended."""

    code = "batch"


class Incomplete(Failure):
    """The helper couldn't look everywhere, and so a list of links would not have all of them."""

    code = "incomplete"


_BY_CODE = {kind.code: kind for kind in Failure.__subclasses__() if kind.code is not None}


def of_code(code: Optional[str], text: str) -> Failure:
    """Returns the failure of a code. A code that a newer helper may have is the plain Failure's own `code`."""
    failure = _BY_CODE.get(code or "", Failure)(text)
    failure.code = code
    return failure
