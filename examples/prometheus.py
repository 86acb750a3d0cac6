#!/usr/bin/env python3
"""Reads what `cwg_list --json` (or `cwg_show --json`) prints, and writes it as metrics in Prometheus' text format:

    cwg_list --json >cwg.json && prometheus.py <cwg.json >cwg.prom.new && mv cwg.prom.new cwg.prom

If what it reads is incomplete, it writes nothing and ends with 1. A link's labels are its device's name, its net and
host, and its container: so a series goes on when the container is started again and keeps its id or name. No label has
a pid in it: the process is a metric of its own, cwg_link_process. Where no container is known, and where one has
several network namespaces with a link of the same name, these are numbered.
"""

from __future__ import annotations

import collections
import json
import sys
from typing import Any, Callable, NamedTuple, Union

STATES = ["unfinished", "down", "engine lost", "port lost", "waiting for connect", "no handshake yet",
          "wrong address", "silent", "connected", "in session", "idle"]

Labels = dict[str, str]


class Metric(NamedTuple):
    """A metric of each link; its value may be a number, or one for each value of another label."""

    name: str
    kind: str
    help: str
    value: Callable[[dict[str, Any]], Union[int, list[tuple[Labels, int]]]]


def of_peer(field: str) -> Callable[[dict[str, Any]], int]:
    """A field of the link's peer; 0 if it has no peer, or the field no value."""
    return lambda link: int((link["peer"] or {}).get(field) or 0)


METRICS = [
    Metric("cwg_link_info", "gauge", "What carries the link, and its address in the container.",
           lambda link: [({"backend": link["backend"], "address": link["address"]}, 1)]),
    Metric("cwg_link_process", "gauge", "A process in the link's container; 0: not known.",
           lambda link: int(link.get("pid") or 0)),
    Metric("cwg_link_up", "gauge", "Whether the link's device is up.", lambda link: int(link["up"])),
    Metric("cwg_link_state", "gauge", "How the link is: 1 for the state that it is in, 0 for all others.",
           lambda link: [({"state": state}, int(state == link["state"])) for state in
                         STATES + [link["state"]] * (link["state"] not in STATES)]),
    Metric("cwg_link_peers", "gauge", "How many peers the link has: 1 once it is connected.",
           lambda link: int(link["peers"])),
    Metric("cwg_link_mtu_bytes", "gauge", "The MTU of the link's device.", lambda link: int(link["mtu"])),
    Metric("cwg_link_persistent_keepalive_seconds", "gauge", "How often a packet is sent in any case; 0: not.",
           of_peer("persistent_keepalive")),
    Metric("cwg_link_latest_handshake_timestamp_seconds", "gauge", "When the peer last proved to be there; 0: never.",
           of_peer("latest_handshake")),
    Metric("cwg_link_receive_bytes_total", "counter", "Bytes that the container received by the link.",
           lambda link: int(link["received_bytes"])),
    Metric("cwg_link_receive_packets_total", "counter", "Packets that the container received by the link.",
           lambda link: int(link["received_packets"])),
    Metric("cwg_link_transmit_bytes_total", "counter", "Bytes that the container sent by the link.",
           lambda link: int(link["sent_bytes"])),
    Metric("cwg_link_transmit_packets_total", "counter", "Packets that the container sent by the link.",
           lambda link: int(link["sent_packets"])),
]


def labels_of(links: list[dict[str, Any]]) -> list[Labels]:
    """The labels of each link. No two may be the same, or the whole file is refused: those that would be have a number
    more, from the second on, in the order of their processes."""
    plain = [{"name": link["name"], "net": str(link["net"]), "host": str(link["host"]),
              "container": link.get("container") or ""} for link in links]
    times: collections.Counter[tuple[str, ...]] = collections.Counter()
    for i in sorted(range(len(links)), key=lambda i: int(links[i].get("pid") or 0)):
        values = tuple(plain[i].values())
        times[values] += 1
        if times[values] > 1:
            plain[i]["number"] = str(times[values])
    return plain


def line(name: str, labels: Labels, value: int) -> str:
    """A sample, as the format has it."""
    escapes = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
    inner = ",".join(f'{label}="{text.translate(escapes)}"' for label, text in labels.items())
    return f"{name}{{{inner}}} {value}\n" if inner else f"{name} {value}\n"


def text_of(links: list[dict[str, Any]]) -> str:
    """All of it."""
    text = "# HELP cwg_links How many links there are.\n# TYPE cwg_links gauge\n" + line("cwg_links", {}, len(links))
    labels = labels_of(links)
    for metric in METRICS:
        text += f"# HELP {metric.name} {metric.help}\n# TYPE {metric.name} {metric.kind}\n"
        for link, own in zip(links, labels):
            value = metric.value(link)
            for more, number in value if isinstance(value, list) else [({}, value)]:
                text += line(metric.name, {**own, **more}, number)
    return text


def main() -> None:
    try:
        text = text_of(json.load(sys.stdin))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        sys.exit(f"prometheus.py: this is not what `cwg_list --json` prints: {error!r}")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
