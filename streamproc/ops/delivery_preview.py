"""Show what waits to be delivered and what would come of each nudge now; nothing is sent, marked or committed."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import Final

from streamproc.core.arrival import Rules
from streamproc.deliver.check import Check, is_switched_off
from streamproc.deliver.parcel import Parcel, open_parcel
from streamproc.deliver.ports import Addresses, AddressesAway, Bounce, Fate
from streamproc.flow.cluster import ClusterUnready
from streamproc.flow.config_feed import ConfigFeed, ConfigUnreadable
from streamproc.flow.waiting_nudges import waiting_nudges
from streamproc.ops.delivery import Parts
from streamproc.store.redis_store import RedisStore
from streamproc.store.sent import SentLog

__all__ = ["PREVIEWED_MAX", "WOULD_SEND", "Preview", "as_documents", "look_ahead", "summed_up"]

PREVIEWED_MAX: Final = 1_000
WOULD_SEND: Final = "would send"
WAITS: Final = "waits"


@dataclass(frozen=True)
class Preview:
    """What would come of one nudge: `verdict`, and why where it is not sent. The address is masked."""

    verdict: str
    why: str = ""
    nudge_id: str = ""
    campaign: str = ""
    address: str = ""
    title: str = ""
    expires_at_ms: int = 0


async def look_ahead(parts: Parts) -> list[Preview]:
    """Return what waits, at most `PREVIEWED_MAX`, in the order of the topic's partitions.

    Raises ClusterUnready, StoreUnavailable or StoreRefused.
    """
    config = parts.config
    records = await waiting_nudges(
        config.bootstrap,
        config.group,
        f"nudges.{config.channel}",
        prefix=config.prefix,
        records_max=PREVIEWED_MAX,
    )
    store = RedisStore(parts.redis_url, id_check=parts.key.check())
    sent = SentLog(parts.redis_url, parts.key)
    feed = ConfigFeed(config.bootstrap, parts.policy, event_age_max_ms=0, prefix=config.prefix)
    try:
        await feed.start()
        await store.open()
        check, rules = Check(store, sent, parts.key), feed.rules()
        return [
            await _judge(open_parcel(one, config.channel), check, rules, parts.addresses) for one in records
        ]
    except ConfigUnreadable as error:
        raise ClusterUnready(str(error)) from error
    finally:
        for part in (feed.stop, store.close, sent.close):
            await part()
        if parts.addresses is not None:
            await parts.addresses.close()


async def _judge(parcel: Parcel | None, check: Check, rules: Rules, addresses: Addresses | None) -> Preview:
    """Ask the questions of `deliver.handing`, in its order."""
    if parcel is None:
        return Preview(Fate.UNREADABLE)
    found = Preview(
        WOULD_SEND,
        nudge_id=parcel.nudge_id,
        campaign=parcel.campaign,
        title=parcel.said("subject") or parcel.said("title") or parcel.said("text"),
        expires_at_ms=parcel.expires_at_ms,
    )
    checked = await check.look(parcel)
    if checked.sent is not None:
        return replace(found, verdict=Fate.REPEATED, why=f"{checked.sent.kind} before")
    now_ms = time.time_ns() // 1_000_000
    if now_ms >= parcel.expires_at_ms:
        return replace(found, verdict=Fate.EXPIRED)
    why = check.refusal(parcel, rules, now_ms, checked.standing)
    if why is not None:
        verdict = WAITS if is_switched_off(rules, parcel.channel) else Fate.WITHHELD
        return replace(found, verdict=verdict, why=f"{why.code} {why.detail}".strip())
    if addresses is None:
        return found
    try:
        address = await addresses.find(parcel.customer_id)
    except AddressesAway as error:
        return replace(found, verdict=WAITS, why=str(error))
    if address is None:
        return replace(found, verdict=Fate.BOUNCED, why=Bounce.NO_ADDRESS)
    return replace(found, address=masked(address))


def masked(address: str) -> str:
    """Show as much of an address as tells whether it is one: `a***@shop.example`, `***34`."""
    name, at, domain = address.rpartition("@")
    return f"{name[:1]}***@{domain}" if at else f"***{address[-2:]}"


def summed_up(previews: list[Preview]) -> str:
    """Say in a sentence how many of each there are."""
    counts = Counter(one.verdict for one in previews)
    return ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common()) or "nothing waits"


def as_documents(previews: list[Preview]) -> list[dict[str, object]]:
    """Return them for a JSON document, empty fields left out."""
    return [{name: value for name, value in asdict(one).items() if value} for one in previews]
