"""Links containers of two sites by WireGuard, through net-admin-helper. Python 3.9 or newer, no other packages.

`Helper` runs each task of the helper as a command. `Batch` has the same methods, and gives all tasks to one process.
`offer()` at one site and `answer()` at the other site do a whole exchange: each makes its end of a link, tells the
other site where the end is, connects the two ends, and waits until the link works. A `Transport` carries the messages.

    site 1                                                  site 2
    with cwg.offer(site, transport, net=7) as link:         with cwg.answer(site, transport) as link:
        ...  # the containers communicate                       ...

A failure is a `Failure`, of a class of its own for each code of the helper: see cwg.failures. What a transport raises
passes through. In both cases the exchange has removed its end again. The package has no global state. Each call waits
for a process or for the other site. A program with asyncio calls it by a thread: `await asyncio.to_thread(cwg.offer,
site, transport, 7)`.
"""

from __future__ import annotations

from . import failures
from .batch import Batch
from .exchange import Link, Site, answer, offer
from .failures import Failure
from .helper import Created, Helper, Tasks
from .message import LINE_MAX, NETS, Message
from .status import LinkStatus, ListedLink, PeerStatus
from .transport import Transport, over_socket

__all__ = [
    "LINE_MAX", "NETS", "Batch", "Created", "Failure", "Helper", "Link", "LinkStatus", "ListedLink", "Message",
    "PeerStatus", "Site", "Tasks", "Transport", "answer", "failures", "offer", "over_socket",
]
