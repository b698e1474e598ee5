"""Take addresses from a file: CSV with a header line, or a JSON object a line."""

from __future__ import annotations

import asyncio
import csv
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, TextIO

import msgspec

from streamproc.deliver.ports import Unusable

__all__ = ["AddressFile", "read_addresses"]

log = logging.getLogger(__name__)

CUSTOMER: Final = "customer_id"
ADDRESS: Final = "address"
NDJSON_SUFFIXES: Final = (".ndjson", ".jsonl")
# An address costs about 200 B of memory: 5 million of them 1 GB.
ADDRESSES_MAX: Final = 5_000_000
ASK_SECONDS: Final = 5.0


class AddressFile:
    """The addresses of a file, which is read anew when it has changed: looked at every 5 s, at most.

    A changed file that cannot be read is said so, and the addresses known before stay.
    """

    def __init__(self, path: Path, channel: str, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Read the file. Raises Unusable."""
        self._path, self._channel, self._monotonic = path, channel, monotonic
        self._seen = _stamp(path)
        self._addresses = read_addresses(path, channel)
        self._asked_at = monotonic()

    async def find(self, customer_id: str) -> str | None:
        """Return the customer's address, None if the file has none."""
        if self._monotonic() - self._asked_at >= ASK_SECONDS:
            self._asked_at = self._monotonic()
            await self._refresh()
        return self._addresses.get(customer_id)

    async def close(self) -> None:
        """Nothing is kept open."""

    async def _refresh(self) -> None:
        try:
            stamp = _stamp(self._path)
            if stamp != self._seen:
                # A large file takes a second, and the lease on `config` must not run out over it.
                self._addresses = await asyncio.to_thread(read_addresses, self._path, self._channel)
                self._seen = stamp
                log.info("addresses read anew: %s customers", len(self._addresses))
        except Unusable as error:
            log.warning("%s; the addresses known before stay", error)


def read_addresses(path: Path, channel: str) -> dict[str, str]:
    """Read a file of addresses. Of two lines for one customer the last counts; an empty address is none.

    The address stands under the channel's name or under `address`. Raises Unusable, which names file and line and
    nothing of their text.
    """
    addresses: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = _ndjson(file, path) if path.suffix in NDJSON_SUFFIXES else _csv(file, path, channel)
            for number, row in rows:
                customer_id, address = row.get(CUSTOMER), row.get(channel) or row.get(ADDRESS) or ""
                if not isinstance(customer_id, str) or not customer_id or not isinstance(address, str):
                    raise Unusable(f"--addresses {path}: line {number} has no {CUSTOMER} or no text under it")
                if address.strip():
                    addresses[customer_id] = address.strip()
                else:
                    addresses.pop(customer_id, None)
                if len(addresses) > ADDRESSES_MAX:
                    raise Unusable(f"--addresses {path}: more than {ADDRESSES_MAX} customers; use a look-up")
    except OSError as error:
        raise Unusable(f"--addresses {path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Unusable(f"--addresses {path}: is no UTF-8") from error
    except csv.Error as error:
        raise Unusable(f"--addresses {path}: is no CSV: {error}") from error
    return addresses


def _csv(file: TextIO, path: Path, channel: str) -> Iterator[tuple[int, dict[str, object]]]:
    reader = csv.DictReader(file)
    names = reader.fieldnames or ()
    if CUSTOMER not in names or not {channel, ADDRESS} & set(names):
        raise Unusable(
            f"--addresses {path}: the first line names the columns: "
            f"{CUSTOMER} and {ADDRESS}, or {CUSTOMER} and {channel}"
        )
    for row in reader:
        # What stands beyond the last column comes under None.
        yield reader.line_num, {name: value for name, value in row.items() if name is not None}


def _ndjson(file: TextIO, path: Path) -> Iterator[tuple[int, dict[str, object]]]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            yield number, msgspec.json.decode(line, type=dict[str, object])
        except msgspec.DecodeError as error:
            raise Unusable(f"--addresses {path}: line {number} is no JSON object") from error


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError as error:
        raise Unusable(f"--addresses {path}: cannot be read: {error.strerror}") from error
    return found.st_ino, found.st_size, found.st_mtime_ns
