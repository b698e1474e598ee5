"""Put writes into the shape that `scripts/*.lua` read. Half of the hot path's client cost is here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha1
from importlib.resources import files
from typing import Final

from streamproc.store.base import (
    AHEAD_MS_MAX,
    CLAIM_MS,
    HINTS_A_CALL_MAX,
    TTL_MS_MAX,
    VERSION_BYTES,
    Hint,
    Tally,
    Write,
)
from streamproc.store.keys import KEYS
from streamproc.store.link import Call
from streamproc.store.versions import FreshVersion, next_version

CUSTOMERS_A_CALL_MAX: Final = 128
"""A call of this size holds Redis for about a millisecond; one over 1,900 customers held it for 13 to 16."""

SCRIPTS: Final = {
    name: files("streamproc.store").joinpath(f"scripts/{name}.lua").read_bytes()
    for name in ("commit", "claim", "drop", "waiting", "spend", "pace", "messages", "opt_outs", "pause")
}
_SHA: Final = {name: sha1(script, usedforsecurity=False).hexdigest() for name, script in SCRIPTS.items()}


def commit_call(
    bucket: int, writes: Sequence[Write], *, token: bytes, seen: int, call: int, fresh: FreshVersion
) -> Call:
    """Return the EVALSHA that commits these writes, all of one bucket."""
    assert len(writes) <= CUSTOMERS_A_CALL_MAX, (len(writes), CUSTOMERS_A_CALL_MAX)
    names = KEYS[bucket]
    context, consent, outputs = names.context, names.consent, names.outputs
    keys: list[str | bytes | int] = [names.epoch, names.count, names.due]
    args: list[str | bytes | int] = [token, seen, call]
    for write in writes:
        h = write.h
        keys += (context + h, consent + h, outputs + h)
        if write.context and write.consent is None and not (write.out_put or write.out_drop or write.hints):
            # Nearly every write replaces the context alone.
            version = write.context_version
            args += (
                version,
                write.consent_version,
                b"rkkk",
                next_version(version, fresh) + write.context,
                write.context_ttl_ms,
            )
        else:
            _append_any(args, write, fresh)
    return ("EVALSHA", _SHA["commit"], len(keys), *keys, *args)


def _append_any(args: list[str | bytes | int], write: Write, fresh: FreshVersion) -> None:
    on_outputs = b"r" if write.out_put or write.out_drop else b"k"
    on_hints = b"r" if write.hints else b"k"
    args += (
        write.context_version,
        write.consent_version,
        _letter(write.context) + _letter(write.consent) + on_outputs + on_hints,
    )
    if write.context:
        args += (next_version(write.context_version, fresh) + write.context, write.context_ttl_ms)
    if write.consent:
        args.append(next_version(write.consent_version, fresh) + write.consent)
    if on_outputs == b"r":
        args += (write.context_ttl_ms, len(write.out_drop), len(write.out_put), *write.out_drop)
        for put in write.out_put:
            args += put
    if write.hints:
        args.append(len(write.hints))
        for member, due_ms in write.hints:
            args += (b"" if due_ms is None else due_ms, member)


def claim_call(bucket: int, *, token: bytes, due_ms: int, wall_ms: int, limit: int) -> Call:
    """Return the EVALSHA that claims a bucket's due hints."""
    names = KEYS[bucket]
    args = (token, due_ms, wall_ms, wall_ms + CLAIM_MS, limit, wall_ms + CLAIM_MS + AHEAD_MS_MAX)
    return ("EVALSHA", _SHA["claim"], 2, names.epoch, names.due, *args)


def drop_call(bucket: int, hints: Sequence[Hint], *, token: bytes) -> Call:
    """Return the EVALSHA that removes these hints, all of one bucket, as far as their claims still stand."""
    names = KEYS[bucket]
    claims = (part for hint in hints for part in (hint.claimed_until_ms, hint.member))
    return ("EVALSHA", _SHA["drop"], 2, names.epoch, names.due, token, *claims)


def waiting_call(bucket: int) -> Call:
    """Return the EVALSHA that counts a bucket's hints."""
    return ("EVALSHA", _SHA["waiting"], 1, KEYS[bucket].due)


def spend_call(
    day: str, *, token: bytes, ttl_ms: int, max_minor: int, costs: Sequence[tuple[str, int]]
) -> Call:
    """Return the EVALSHA that pays for nudges, by id, from what may be spent on a day."""
    names = KEYS[0]
    keys = (names.epoch, names.spent + day, names.paid + day)
    return (
        "EVALSHA",
        _SHA["spend"],
        3,
        *keys,
        token,
        ttl_ms,
        max_minor,
        *(part for one in costs for part in one),
    )


def pace_call(
    channel: str, *, token: bytes, now_ms: int, interval_ms: float, expiries_ms: Sequence[int]
) -> Call:
    """Return the EVALSHA that gives nudges of a paced channel their slots."""
    names = KEYS[0]
    keys = (names.epoch, names.pace + channel)
    return ("EVALSHA", _SHA["pace"], 2, *keys, token, now_ms, f"{interval_ms:.3f}", *expiries_ms)


def messages_call(ids: Mapping[Tally, Sequence[str]], *, token: bytes, ttl_ms: int) -> Call:
    """Return the EVALSHA that counts messages in their tallies."""
    names = KEYS[0]
    keys = (names.epoch, *(names.messages + _tally(tally) for tally in ids))
    counted = (part for some in ids.values() for part in (len(some), *some))
    return ("EVALSHA", _SHA["messages"], len(keys), *keys, token, ttl_ms, *counted)


def opt_outs_call(
    kind: str, tallies: Sequence[Tally], message_ids: Sequence[str], *, token: bytes, ttl_ms: int
) -> Call:
    """Return the EVALSHA that counts opt-outs after messages, and returns the counts of all tallies."""
    names = KEYS[0]
    prefixes = (f"{names.opted_out}{kind}:", names.messages)
    keys = (names.epoch, *(prefix + _tally(tally) for tally in tallies for prefix in prefixes))
    return ("EVALSHA", _SHA["opt_outs"], len(keys), *keys, token, ttl_ms, *message_ids)


def pause_call(scope: str, claimants: Sequence[str], *, token: bytes) -> Call:
    """Return the EVALSHA that claims the pause of a scope."""
    names = KEYS[0]
    return ("EVALSHA", _SHA["pause"], 2, names.epoch, names.pausing + scope, token, CLAIM_MS, *claimants)


def _tally(tally: Tally) -> str:
    scope, day = tally
    return f"{scope}:{day}"


def due_of(score: int) -> int | None:
    """Return the due time that a hint had when it was claimed, None if its score was a claim that ran out."""
    return score if score > 0 else None


def hints_by_bucket(hints: Sequence[Hint]) -> list[tuple[int, list[Hint]]]:
    """Return the hints by bucket, at most `HINTS_A_CALL_MAX` a part."""
    buckets: dict[int, list[Hint]] = {}
    for hint in hints:
        buckets.setdefault(hint.bucket, []).append(hint)
    return [
        (bucket, some[start : start + HINTS_A_CALL_MAX])
        for bucket, some in buckets.items()
        for start in range(0, len(some), HINTS_A_CALL_MAX)
    ]


def check_claim(limit: int) -> None:
    """Raise ValueError unless one claim may ask for so many hints."""
    if not 1 <= limit <= HINTS_A_CALL_MAX:
        raise ValueError(f"limit {limit} is not within 1 and {HINTS_A_CALL_MAX}")


def _letter(value: bytes | None) -> bytes:
    if value is None:
        return b"k"
    return b"r" if value else b"d"


def check_writes(writes: Sequence[Write]) -> None:
    """Raise ValueError unless nothing in these writes can fail inside the script, which has no rollback."""
    if len({write.h for write in writes}) != len(writes):
        raise ValueError("two writes name the same customer: the second would always conflict")
    for write in writes:
        if not 0 <= write.context_ttl_ms <= TTL_MS_MAX:
            raise ValueError(f"context_ttl_ms {write.context_ttl_ms} is not within 0 and {TTL_MS_MAX}")
        if (
            len(write.context_version) not in _VERSION_SIZES
            or len(write.consent_version) not in _VERSION_SIZES
        ):
            raise ValueError(f"a version has {VERSION_BYTES} bytes, or none")


_VERSION_SIZES: Final = (VERSION_BYTES, 0)
