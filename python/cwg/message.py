"""The messages of the sites."""

from __future__ import annotations

import json
from typing import Any, NamedTuple, Optional, Union

from .checks import valid_address, valid_key, valid_number
from .failures import BadMessage, Failure

VERSION = 1
LINE_MAX = 512  # bytes of a message; the longest message has less than 200
NETS = range(8388608)


class Message(NamedTuple):
    """A site tells the other site of its end: a line of JSON with {"cwg":1}, and then these fields in this order.
    `kind` is "offer" or "answer". The site's machine is reached at `address` and `port`."""

    kind: str
    net: int
    host: int
    address: Optional[str]  # None: nobody knows it, because the site is behind a NAT
    port: int
    key: str

    def encode(self) -> bytes:
        """Returns the line, with its newline."""
        return json.dumps({"cwg": VERSION, **self._asdict()}, separators=(",", ":")).encode("ascii") + b"\n"

    @property
    def endpoint(self) -> str:
        """The endpoint in the words of cwg_connect."""
        if self.address is None:
            return "-"
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"

    @classmethod
    def decode(cls, line: Union[bytes, str], kind: str) -> Message:
        """Reads a line of the other site, with or without its newline. That site may be broken, or hostile. Anything
        but exactly such a message is a BadMessage, whose text has nothing of the line."""
        fields = _read_object(line)
        version = fields.pop("cwg", None)
        if type(version) is not int or version != VERSION:  # 1 is True, and 1.0
            raise BadMessage(f"the other site's message is of another version than {VERSION}")
        if fields.keys() != set(cls._fields):
            raise BadMessage("the other site's message has other fields than it should")
        if fields["kind"] != kind:
            raise BadMessage(f"the other site's message is no {kind}")
        try:
            return cls(kind, valid_number("net", fields["net"], 0, NETS[-1]),
                       valid_number("host", fields["host"], 0, 1), valid_address(fields["address"]),
                       valid_number("port", fields["port"], 1, 65535), valid_key("key", fields["key"]))
        except Failure as failure:
            raise BadMessage(f"the other site's message: {failure}") from None


def _read_object(line: Union[bytes, str]) -> dict[str, Any]:
    if not line:
        raise BadMessage("the other site hung up")
    if len(line) > LINE_MAX:
        raise BadMessage("the other site's message is too long")
    try:
        text = line if isinstance(line, str) else line.decode("ascii")
        fields = json.loads(text, object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError):
        raise BadMessage("the other site's message is no line of JSON") from None
    if not isinstance(fields, dict) or "\n" in text.rstrip("\n"):
        raise BadMessage("the other site's message is no line with one JSON object")
    return fields


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a name is there twice")
    return fields
