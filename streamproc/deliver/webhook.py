"""Post each nudge as a signed CloudEvent."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

import aiohttp
import msgspec

from streamproc import __version__
from streamproc.deliver.http_answers import judge
from streamproc.deliver.parcel import Parcel
from streamproc.deliver.ports import Answer, Away
from streamproc.deliver.signature import signature_headers

__all__ = ["Webhook", "cloud_event"]

SEND_SECONDS_MAX: Final = 10.0
CONNECT_SECONDS_MAX: Final = 5.0
CONTENT_TYPE: Final = "application/cloudevents+json"


class Webhook:
    """A target that takes nudges over HTTP.

    `Idempotency-Key` and `webhook-id` are the nudge's id, the body the same bytes each time, so that a receiver can
    drop what it has.
    """

    needs_address = False

    def __init__(self, url: str, secrets: Sequence[bytes], *, now_s: Callable[[], float] = time.time) -> None:
        """Post to this URL, signed with these secrets."""
        parts = urlsplit(url)
        self.name = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        self._url = url
        self._secrets = tuple(secrets)
        self._now_s = now_s
        self._session: aiohttp.ClientSession | None = None

    async def send(self, parcel: Parcel, address: str | None) -> Answer:
        """Post one nudge; what the receiver answers beside its status is not looked at."""
        body = cloud_event(parcel, address)
        headers = {
            "Content-Type": CONTENT_TYPE,
            "Idempotency-Key": parcel.nudge_id,
            **signature_headers(self._secrets, parcel.nudge_id, int(self._now_s()), body),
        }
        try:
            async with self._open().post(
                self._url, data=body, headers=headers, allow_redirects=False
            ) as response:
                return judge(response.status, response.headers.get("Retry-After"), self._now_s())
        except TimeoutError:
            return Away(f"it did not answer within {SEND_SECONDS_MAX:.0f} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # The name alone: the text of some of them quotes what was sent.
            return Away(f"it cannot be reached: {type(error).__name__}")

    async def close(self) -> None:
        """Close connections."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        # It belongs to the loop, so it is made inside it.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=SEND_SECONDS_MAX, connect=CONNECT_SECONDS_MAX),
                headers={"User-Agent": f"streamproc/{__version__}"},
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


def cloud_event(parcel: Parcel, address: str | None) -> bytes:
    """Write a nudge as a CloudEvent in the structured JSON mode, so that the signature covers all of it.

    `data` is the nudge as it lies on its topic, byte for byte; `recipient`, an extension, is the address if there is
    one.
    """
    at = datetime.fromtimestamp(parcel.decided_at_ms // 1_000, UTC)
    attributes: dict[str, str] = {
        "specversion": "1.0",
        "id": parcel.nudge_id,
        "source": "streamproc",
        "type": "streamproc.nudge.v1",
        "time": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "datacontenttype": "application/json",
    }
    if address is not None:
        attributes["recipient"] = address
    return msgspec.json.encode(attributes)[:-1] + b',"data":' + parcel.value + b"}"
