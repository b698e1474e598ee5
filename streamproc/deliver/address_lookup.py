"""Ask a service of the shop for each customer's address."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final
from urllib.parse import quote, urlsplit

import aiohttp
import msgspec
from yarl import URL

from streamproc import __version__
from streamproc.deliver.ports import AddressesAway, Unusable

__all__ = ["AddressLookup"]

PLACEHOLDER: Final = "{customer_id}"
LOOKUP_SECONDS_MAX: Final = 3.0
# A nudge that is tried again soon need not ask again; a changed address counts after a minute.
CACHE_SECONDS: Final = 60.0
CACHED_MAX: Final = 10_000
ANSWER_BYTES_MAX: Final = 64 * 1024
_NONE: Final = frozenset({204, 404, 410})
# As parts of a path these lead elsewhere.
_STEPS: Final = frozenset({".", ".."})


class _Found(msgspec.Struct):
    address: str | None = None


class AddressLookup:
    """Addresses behind a URL: `GET https://shop.example/addresses/{customer_id}`.

    The answer is `{"address": "..."}`; 404, 410, 204, null and an empty text mean that there is none. Nothing that is
    asked or answered is logged.
    """

    def __init__(
        self, url: str, token: str | None = None, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """Ask this URL, with this bearer token if there is one. Raises Unusable."""
        if PLACEHOLDER not in url:
            raise Unusable(f"--addresses: a look-up's URL names the place of the customer: {PLACEHOLDER}")
        parts = urlsplit(url)
        self._where = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        self._url = url
        self._headers = {"Accept": "application/json", "User-Agent": f"streamproc/{__version__}"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {token}"
        self._monotonic = monotonic
        self._known: dict[str, tuple[float, str | None]] = {}
        self._session: aiohttp.ClientSession | None = None

    async def find(self, customer_id: str) -> str | None:
        """Return the customer's address, as it was at most a minute ago; None if there is none."""
        now = self._monotonic()
        asked_at, address = self._known.get(customer_id, (float("-inf"), None))
        if now - asked_at < CACHE_SECONDS:
            return address
        address = await self._ask(customer_id)
        if len(self._known) >= CACHED_MAX:
            self._known.clear()
        self._known[customer_id] = now, address
        return address

    async def close(self) -> None:
        """Close connections."""
        if self._session is not None:
            await self._session.close()

    async def _ask(self, customer_id: str) -> str | None:
        if customer_id in _STEPS:
            return None
        # Taken as it is: what was quoted must not be unquoted on the way.
        url = URL(self._url.replace(PLACEHOLDER, quote(customer_id, safe="")), encoded=True)
        try:
            async with self._open().get(url, allow_redirects=False) as response:
                if response.status in _NONE:
                    return None
                if response.status != 200:  # noqa: PLR2004 - nothing else is an answer
                    raise AddressesAway(f"{self._where} answers {response.status}")
                body = await _read(response)
            found = msgspec.json.decode(body, type=_Found)
        except TimeoutError as error:
            raise AddressesAway(f"{self._where} did not answer within {LOOKUP_SECONDS_MAX:.0f} s") from error
        except (aiohttp.ClientError, OSError, ValueError, msgspec.DecodeError) as error:
            # Neither the URL nor the answer is quoted: both name a customer.
            raise AddressesAway(f"{self._where} cannot be asked: {type(error).__name__}") from error
        return (found.address or "").strip() or None

    def _open(self) -> aiohttp.ClientSession:
        # It belongs to the loop, so it is made inside it.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=LOOKUP_SECONDS_MAX),
                headers=self._headers,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = b""
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > ANSWER_BYTES_MAX:
            raise ValueError(f"an answer of more than {ANSWER_BYTES_MAX} bytes")
    return body
