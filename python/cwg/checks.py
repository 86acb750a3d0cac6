"""Checks of single values, which come from the helper or from the other site."""

from __future__ import annotations

import ipaddress
import re
from typing import Optional

from .failures import Failure

_KEY = re.compile(r"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=")


def valid_number(name: str, value: object, low: int, high: int) -> int:
    """Returns a number that is from `low` to `high`. True is no number."""
    if type(value) is not int or not low <= value <= high:
        raise Failure(f"{name}: must be a number from {low} to {high}")
    return value


def valid_key(name: str, value: object) -> str:
    """Returns a key of WireGuard's."""
    if not isinstance(value, str) or not _KEY.fullmatch(value):
        raise Failure(f"{name}: must be 44 characters of base64 for 32 bytes")
    return value


def valid_address(value: object) -> Optional[str]:
    """Returns an IP address in its usual form, or None for None. The helper says whether a peer can have it."""
    if value is None:
        return None
    try:
        if isinstance(value, str) and "%" not in value:
            return str(ipaddress.ip_address(value))
    except ValueError:
        pass
    raise Failure("address: must be an IPv4 or IPv6 address, without a zone")
