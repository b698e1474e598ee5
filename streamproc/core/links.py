"""Where a message may lead: paths of the shop's own, and the addresses that its policy allows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote

LINK_CHARS_MAX: Final = 1_000
# What an address may be made of (RFC 3986), without the quote that would end an attribute.
_ADDRESS: Final = re.compile(r"(?:[A-Za-z0-9._~:/?#\[\]@!$&()*+,;=-]|%[0-9A-Fa-f]{2})+")
# An entry of the list: a host, perhaps a port, and folders. It ends with a slash, so that it is a whole host or folder.
ALLOWED: Final = re.compile(r"https://[a-z0-9.-]+(:\d{1,5})?/(?:[A-Za-z0-9._~-]+/)*")


def link_problem(link: str, allowed: Sequence[str]) -> str:
    """Say what is wrong with a link, or nothing.

    It is a path of the shop's own (`/basket`), or an address that begins with one of `allowed`. No other scheme, no
    other host (`//host` neither), and no dots that would climb out of a folder.
    """
    if len(link) > LINK_CHARS_MAX:
        return f"has {len(link)} characters, {LINK_CHARS_MAX} are allowed"
    is_path = link.startswith("/") and not link.startswith("//")
    if not is_path and not link.startswith("https://"):
        return "is neither a path such as /basket nor an https address"
    if not _ADDRESS.fullmatch(link):
        return "holds what no address may, such as spaces, quotes or letters that are not percent-encoded"
    path = re.split(r"[?#]", link, maxsplit=1)[0]
    if any(part in (".", "..") for part in re.split(r"[/\\]", unquote(path))):
        return "climbs with dots"
    if not is_path and not any(link.startswith(one) for one in allowed):
        return f"is not among the actions of channels.yaml, {', '.join(allowed) or 'which has none'}"
    return ""
