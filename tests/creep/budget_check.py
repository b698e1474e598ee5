"""Counts a customer's budget again from `ledger` alone, with arithmetic of its own."""

from __future__ import annotations

import json
from collections.abc import Iterable
from math import log
from typing import Any

from streamproc.core.record import Record

DAY_MS = 86_400_000
CAPACITY, HALF_LIFE_MS = 1.0, 7 * DAY_MS
EXACT = 1e-5


def entries(written: Iterable[Record]) -> dict[str, list[dict[str, Any]]]:
    """Return the ledger's records by customer, each once, in the order of their numbers."""
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for record in written:
        if record.topic == "ledger":
            entry = json.loads(record.value or b"")
            found.setdefault(entry["h"], {})[entry["seq"]] = entry
    return {h: [of[seq] for seq in sorted(of)] for h, of in found.items()}


def faults(written: Iterable[Record]) -> list[str]:
    """Say where a message was charged for which there was no room, or where the level was lost or made up."""
    broken = []
    for of_one in entries(written).values():
        level, since_ms = 0.0, 0
        spent: list[tuple[int, float]] = []
        for entry in of_one:
            if "level_after" not in entry:
                continue
            left = level * 0.5 ** (max(0, entry["at_ms"] - since_ms) / HALF_LIFE_MS)
            level, since_ms = entry["level_after"], entry["at_ms"]
            if entry["kind"] != "charge":
                continue
            cost = entry["cost"]
            if abs(left + cost - level) > EXACT:
                broken.append(f"{entry['seq']}: {left} + {cost} is not {level}")
            if level > CAPACITY + EXACT:
                broken.append(f"{entry['seq']}: {level} > {CAPACITY}")
            spent.append((entry["at_ms"], cost))
        broken += _windows(spent)
    return broken


def _windows(spent: list[tuple[int, float]]) -> list[str]:
    """Say which week holds more than the bucket can have let through."""
    bound = CAPACITY * (1 + log(2))
    weeks = [(end, sum(cost for at, cost in spent if end - HALF_LIFE_MS < at <= end)) for end, _ in spent]
    return [f"a week until {end}" for end, total in weeks if total > bound + EXACT]
