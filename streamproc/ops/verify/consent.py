"""I3: at its decision a nudge had its customer's consent, by a reading of `consents` that was fresh."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Final

from streamproc.ops.verify.log import STATES, Consent, Log, Nudge
from streamproc.ops.verify.report import Findings
from streamproc.ops.verify.rules import RuleBook, Service, UnreadableRules

FRESH_MS: Final = 1_000
"""A lane may decide on an end offset of `consents` that it read so long ago."""
ANY: Final = "*"
PROCESSING: Final = "processing"
SIGNALS: Final = "signals"
"""Stands in a channel's place in the rows for what producers signalled."""
REFUSALS: Final = ("withdrawn", "denied")
NO_EXPIRY: Final = 1 << 63

Rows = dict[tuple[str, str], Consent]


def check_consent(log: Log, rules: RuleBook, *, record_clock: bool) -> Findings:
    """Check I3 on every nudge.

    With `record_clock` decisions are stamped with the records' own times, which say nothing about when
    consents were appended, so freshness is not judged.
    """
    consents = sum(len(appended) for appended in log.consents_appended.values())
    findings = Findings("I3", {"nudges": 0, "consents": consents})
    beyond = {partition: _Beyond(appended) for partition, appended in log.consents_appended.items()}
    for nudge in {nudge.nudge_id: nudge for nudge in log.nudges}.values():
        findings.checked["nudges"] += 1
        partition, offset = nudge.consent
        rows = fold(_applied(log.consents.get(nudge.customer_id, []), nudge))
        if _obeys_refusals(nudge, rules) and (state := refusal(rows, nudge.channel)):
            findings.add(
                f"{nudge.channel} is {state} at {nudge.decided_at_ms} by consents/{partition} below {offset}",
                nudge.where,
            )
        for channel, purpose in _needed(nudge, rules):
            if not is_granted(rows, channel, purpose, nudge.decided_at_ms):
                findings.add(
                    f"{purpose} on {channel} is not granted at {nudge.decided_at_ms} "
                    f"by consents/{partition} below {offset}",
                    nudge.where,
                )
        if not record_clock and partition in beyond:
            _check_fresh(nudge, beyond[partition], findings)
    return findings


def _needed(nudge: Nudge, rules: RuleBook) -> Iterator[tuple[str, str]]:
    if _service(nudge, rules) is None:
        yield nudge.channel, "marketing"
    yield ANY, PROCESSING
    if "visiting" in nudge.because:
        yield ANY, "sensing"
    try:
        purpose = rules.find(nudge.policy).purposes.get(nudge.category)
    except UnreadableRules:
        return  # I2 says so of its charge.
    if purpose:
        yield ANY, purpose


def _service(nudge: Nudge, rules: RuleBook) -> Service | None:
    """Return what its policy says of a transactional nudge; None where it is marketing, or its policy is unknown."""
    try:
        return rules.find(nudge.policy).services.get(nudge.campaign)
    except UnreadableRules:
        return None


def _obeys_refusals(nudge: Nudge, rules: RuleBook) -> bool:
    service = _service(nudge, rules)
    return service is not None and "refusal" not in service.exempt_from


def refusal(rows: Rows, channel: str) -> str:
    """Return the state by which a customer refused a channel even to what needs no opt-in, empty if they did not.

    A refusal of all channels holds for one unless that was granted later.
    """
    own, whole = rows.get((channel, "marketing")), rows.get((ANY, "marketing"))
    if own is not None and own.state in REFUSALS:
        return own.state
    if whole is None or whole.state not in REFUSALS:
        return ""
    lifted = own is not None and own.state == "granted" and own.effective_ms > whole.effective_ms
    return "" if lifted else whole.state


def _applied(consents: list[Consent], nudge: Nudge) -> Iterator[Consent]:
    """Yield the customer's records that the decision had to know.

    In the lane's own partition these are the ones below the position it names. A record in another
    partition, put there by a producer with another key, reaches the lane a while later: a grant may count
    from its time on, a refusal must count a second after it was appended.
    """
    partition, offset = nudge.consent
    for consent in consents:
        if consent.partition == partition:
            is_applied = consent.offset < offset
        else:
            known_ms = consent.effective_ms if consent.state == "granted" else consent.appended_ms + FRESH_MS
            is_applied = known_ms <= nudge.decided_at_ms
        if is_applied:
            yield consent


def fold(consents: Iterable[Consent]) -> Rows:
    """Return the state of each channel and purpose after one customer's records.

    The latest effective time wins, at a tie the less permissive. Grants of `*` and of a channel stay apart, and so
    do what customers said and what producers signalled.
    """
    rows: Rows = {}
    for consent in consents:
        place = (SIGNALS if consent.signalled else consent.channel, consent.purpose)
        row = rows.get(place)
        if row is None or _precedence(consent) > _precedence(row):
            rows[place] = consent
    return rows


def _precedence(consent: Consent) -> tuple[int, int, int]:
    expiry_ms = consent.expires_at_ms if consent.expires_at_ms is not None else NO_EXPIRY
    return consent.effective_ms, -STATES.index(consent.state), -expiry_ms


def is_granted(rows: Mapping[tuple[str, str], Consent], channel: str, purpose: str, at_ms: int) -> bool:
    """Tell whether a purpose is granted on a channel; unknown is no.

    A later refusal of `*` ends an earlier grant of the channel; a grant of `*` never lifts the channel's
    own refusal, but may follow a grant that lapsed. A signal on processing counts where the customer said nothing;
    otherwise it only ever refuses, from its time on.
    """
    whole = rows.get((ANY, purpose))
    signal = rows.get((SIGNALS, purpose))
    if signal is not None:
        if whole is None:
            return _is_live(signal, at_ms)
        if signal.state != "granted" and signal.effective_ms >= whole.effective_ms:
            return False
    own = rows.get((channel, purpose)) if channel != ANY else None
    if own is None:
        return whole is not None and _is_live(whole, at_ms)
    if whole is not None and whole.state != "granted" and whole.effective_ms >= own.effective_ms:
        return False
    if _is_live(own, at_ms):
        return True
    if own.state not in {"granted", "expired"}:
        return False
    return whole is not None and _is_live(whole, at_ms) and whole.effective_ms > own.effective_ms


def _is_live(row: Consent, at_ms: int) -> bool:
    return row.state == "granted" and (row.expires_at_ms is None or at_ms < row.expires_at_ms)


class _Beyond:
    """For one partition of `consents`: the earliest append time from an offset on."""

    def __init__(self, appended: Mapping[int, int]) -> None:
        self._offsets = sorted(appended)
        times = [appended[offset] for offset in reversed(self._offsets)]
        self._earliest_ms = list(accumulate(times, min))[::-1]

    def earliest_ms(self, offset: int) -> int | None:
        index = bisect_left(self._offsets, offset)
        return self._earliest_ms[index] if index < len(self._offsets) else None


def _check_fresh(nudge: Nudge, beyond: _Beyond, findings: Findings) -> None:
    partition, offset = nudge.consent
    earliest_ms = beyond.earliest_ms(offset)
    if earliest_ms is not None and earliest_ms < nudge.decided_at_ms - FRESH_MS:
        findings.add(
            f"decided at {nudge.decided_at_ms} by consents/{partition} below {offset}, "
            f"but a later record was there since {earliest_ms}",
            nudge.where,
        )
