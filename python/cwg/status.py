"""What the helper tells of links, as types. doc/net-admin-helper.schema.json says what each field means."""

from __future__ import annotations

from typing import Optional, TypedDict


class PeerStatus(TypedDict):
    """A link's peer."""

    public_key: str
    endpoint: Optional[str]
    allowed_ips: list[str]
    more_allowed_ips: bool
    persistent_keepalive: int
    has_preshared_key: bool
    latest_handshake: Optional[int]
    latest_handshake_age: Optional[int]
    latest_received_age: Optional[int]
    unanswered_age: Optional[int]
    wire_received_bytes: int
    wire_sent_bytes: int


class LinkStatus(TypedDict):
    """An end of a link."""

    name: str
    net: int
    host: int
    address: str
    backend: str
    state: str
    up: bool
    mtu: int
    netns: int
    engine_pid: Optional[int]
    public_key: Optional[str]
    listen_port: Optional[int]
    peers: int
    peer: Optional[PeerStatus]
    received_bytes: int
    received_packets: int
    sent_bytes: int
    sent_packets: int
    dropped_packets: int


class ListedLink(LinkStatus):
    """An end of a link, and its container."""

    pid: int
    container: Optional[str]
