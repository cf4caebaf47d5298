"""Which addresses may be asked for what is trusted: https, or http on this machine."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit


def check_url(url: str) -> str:
    """`url`, if it is https, or http on this machine. Raises ValueError: keys by an open way could be anybody's."""
    parts = urlsplit(url)
    if not parts.hostname or not (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url))):
        raise ValueError("it must be an https address (http only on loopback)")
    if parts.username or parts.password or parts.fragment:
        raise ValueError("it must not hold a user, a password or a fragment")
    return url


def is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
