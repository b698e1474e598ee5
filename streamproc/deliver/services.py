"""Hand nudges to any service that Apprise knows: Telegram, Slack, ntfy, Matrix, SMS gateways and a hundred more."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from streamproc.deliver.parcel import Parcel
from streamproc.deliver.ports import Answer, Away, Bounce, Bounced, Delivered, Later, Unusable

if TYPE_CHECKING:
    import apprise

__all__ = ["PLACEHOLDER", "Service", "words_of"]

PLACEHOLDER: Final = "{address}"
SEND_SECONDS_MAX: Final = 30.0
# What stands for an address while the URL is tried; many services take numbers alone.
_SAMPLE: Final = "15551230000"
# A screen of the shop's own would make buttons of these; here they are lines below the text.
_LINKED: Final = ("push", "in_app", "web")
# They log what is sent, to whom, and with which token.
_TALKATIVE: Final = ("apprise", "oauthlib", "requests_oauthlib", "urllib3")
# Many services split lists at these: one address must not become two.
_SEPARATORS: Final = re.compile(r"[\s,;]")


class Service:
    """A target behind an Apprise URL.

    `{address}` in it is the place of the customer's address; a URL without it is one place for all, as a channel of
    the store's staff. Apprise says yes or no and not why, so a no is tried again until the nudge expires.
    """

    def __init__(self, url: str) -> None:
        """Hand nudges to this service. Raises Unusable where Apprise is missing or knows no such service."""
        try:
            import apprise  # noqa: PLC0415 - an extra that only these services need
        except ModuleNotFoundError as error:
            raise Unusable(
                f"--to {urlsplit(url).scheme}:// needs the extra `deliver`: pip install 'streamproc[deliver]'"
            ) from error
        self._lib = apprise
        self._url = url
        self._asset = apprise.AppriseAsset(app_id="", app_desc="", app_url="")
        for name in _TALKATIVE:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        self.name = f"{urlsplit(url).scheme}://"
        self.needs_address = PLACEHOLDER in url
        if self._made(_SAMPLE) is None:
            raise Unusable(
                f"--to {self.name}...: Apprise knows no such service, or its URL lacks a part; "
                "docs/delivery.md says which URLs there are"
            )

    async def send(self, parcel: Parcel, address: str | None) -> Answer:
        """Hand one nudge over, as a title and a text."""
        service = self._made(address or "")
        if service is None:
            return Bounced(Bounce.BAD_ADDRESS)
        title, body = words_of(parcel)
        try:
            async with asyncio.timeout(SEND_SECONDS_MAX):
                done = await service.async_notify(
                    body=body, title=title, body_format=self._lib.NotifyFormat.TEXT
                )
        except TimeoutError:
            return Away(f"it did not answer within {SEND_SECONDS_MAX:.0f} s")
        return Delivered() if done else Later("it says no, or does not answer")

    async def close(self) -> None:
        """Nothing is kept open."""

    def _made(self, address: str) -> apprise.Apprise | None:
        if _SEPARATORS.search(address) or not address.isprintable():
            return None
        made = self._lib.Apprise(asset=self._asset)
        return made if made.add(self._url.replace(PLACEHOLDER, quote(address, safe=""))) else None


def words_of(parcel: Parcel) -> tuple[str, str]:
    """Return the title, which may be empty, and the text of a nudge, as services show them.

    What an app would make buttons of stands below the text: where it leads, and how to stop it.
    """
    title = parcel.said("title") or parcel.said("subject")
    lines = [parcel.said("body") or parcel.said("text")]
    if parcel.channel in _LINKED:
        links = [
            parcel.said("action_url"),
            parcel.controls.get("why", ""),
            parcel.controls.get("unsubscribe", ""),
        ]
        lines += [link for link in links if link.startswith(("https://", "http://"))]
    return title, "\n".join(line for line in lines if line)
