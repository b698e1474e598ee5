"""Nudges reach people: once, while they agree, and never too late."""

from __future__ import annotations

import asyncio
import base64
import json
from collections import Counter
from pathlib import Path

import pytest

from streamproc.core.record import Record
from tests.deliver.receivers import Endpoint, Mailbox
from tests.e2e.installation import LANES, Installation, WorkerProcess, now_ms, until

pytestmark = pytest.mark.timeout(180)


def people(folder: Path, *customers: str) -> str:
    file = folder / "people.csv"
    lines = [f"{one},{one}@example.com" for one in customers]
    file.write_text("\n".join(["customer_id,address", *lines]) + "\n")
    return str(file)


# A process that is killed leaves the group after this, and the test waits for it.
SOON = {"SESSION_TIMEOUT": "2s", "REBALANCE_TIMEOUT": "2s"}


async def nudged(shop: Installation, channel: str, customers: list[str]) -> list[Record]:
    """Have a worker decide a nudge for each of these customers; it goes on running."""
    await shop.opt_in(customers, channel)
    shop.worker()
    await shop.view(*customers)

    async def all_of_them() -> list[Record]:
        found = await shop.read(f"nudges.{channel}")
        return found if len(found) >= len(customers) else []

    return list(await until(all_of_them, "not all nudges came"))


async def outcomes(shop: Installation, count: int) -> dict[str, str]:
    """Wait for the outcomes of so many nudges, and return their kinds by nudge id."""

    async def all_of_them() -> dict[str, str]:
        found = {one["nudge_id"]: one["kind"] for one in await shop.values("outcomes")}
        return found if len(found) >= count else {}

    return dict(await until(all_of_them, "outcomes are missing"))


async def stopped(delivery: WorkerProcess) -> None:
    delivery.stop()
    await until(lambda: delivery.process.poll() is not None, "it did not stop", 30)
    assert delivery.process.returncode == 0, delivery.tail()


async def test_a_mail_is_delivered_once_though_nudges_repeat_and_a_process_is_killed(
    shop: Installation, tmp_path: Path
) -> None:
    customers = [f"c-{number}" for number in range(40)]
    nudges = await nudged(shop, "email", customers)
    options = ("--from", "Shop <hello@shop.example>", "--addresses", people(tmp_path, *customers))
    async with Mailbox(pause_s=0.02).open() as mailbox:
        first = shop.delivery("email", "--to", mailbox.url, *options, **SOON)
        await until(lambda: len(mailbox.envelopes) >= 10, "no mail came")
        first.kill()
        assert len(mailbox.envelopes) < 35
        await shop.produce("nudges.email", [((one.key or b"").decode(), one.value) for one in nudges])
        second = shop.delivery("email", "--to", mailbox.url, *options, **SOON)
        await until(lambda: len({mail["Message-ID"] for mail in mailbox.mails}) == 40, "mails are missing")
        found = await outcomes(shop, 40)
        await stopped(second)
        sent = Counter(str(mail["Message-ID"]) for mail in mailbox.mails)
    # Only what was in flight when the process died, one nudge a lane at most, may have come twice.
    assert sum(sent.values()) - 40 <= LANES
    assert {mail["To"] for mail in mailbox.mails} == {f"{one}@example.com" for one in customers}
    assert found == {json.loads(one.value or b"")["nudge_id"]: "delivered" for one in nudges}
    assert "@example.com" not in first.tail() + second.tail()


async def test_only_who_still_agrees_is_reached_and_only_while_the_channel_is_on(
    shop: Installation, tmp_path: Path
) -> None:
    names = ["c-agrees", "c-withdrew", "c-nowhere", "c-refused"]
    values = [json.loads(one.value or b"") for one in await nudged(shop, "push", names)]
    ids = {one["customer_id"]: one["nudge_id"] for one in values}
    await shop.withdraw("c-withdrew", "push")
    (agrees,) = (one for one in values if one["customer_id"] == "c-agrees")
    late = agrees | {"nudge_id": "a" * 32, "expires_at_ms": now_ms() - 1}
    await shop.produce("nudges.push", [("c-agrees", late), ("c-agrees", b"no nudge")])
    await shop.caught_up()
    secret = tmp_path / "secret"
    secret.write_bytes(base64.b64encode(b"a secret that only these tests use"))
    file = people(tmp_path, "c-agrees", "c-withdrew", "c-refused")
    endpoint = Endpoint(lambda one: (410 if b"c-refused" in one.body else 200, {}, ""))
    # Nobody listens there yet.
    delivery = shop.delivery(
        "push", "--to", endpoint.url(), "--secret-file", str(secret), "--addresses", file, **SOON
    )
    await until(lambda: is_away(delivery), "it did not notice that nobody answers")
    async with endpoint.open():
        found = await outcomes(shop, 3)
        code, text = await shop.command("channel", "off", "push", "--reason", "it repeats", "--json")
        assert code == 0, text
        followers = {one["worker"]: one["state"] for one in json.loads(text)["workers"]}
        assert (len(followers), set(followers.values())) == (2, {"applied"})
        assert any(name.startswith("deliver-push-") for name in followers)
        await shop.produce("nudges.push", [("c-agrees", agrees | {"nudge_id": "b" * 32})])
        await asyncio.sleep(1)
        assert {one.json["id"] for one in endpoint.requests} == {ids["c-agrees"], ids["c-refused"]}
        await shop.set_channel("push", {"enabled": True})
        await until(lambda: len(endpoint.requests) == 3, "nothing goes on")
        ends = {
            fate: await delivery.metric(f'streamproc_deliveries_total{{fate="{fate}"}}')
            for fate in ("expired", "withheld", "unreadable", "bounced")
        }
        await stopped(delivery)
    assert endpoint.requests[-1].headers["Idempotency-Key"] == "b" * 32
    assert found == {ids["c-agrees"]: "delivered", ids["c-nowhere"]: "bounced", ids["c-refused"]: "bounced"}
    reasons = {one["customer_id"]: one.get("reason") for one in await shop.values("outcomes")}
    assert reasons == {"c-agrees": None, "c-nowhere": "no_address", "c-refused": "refused"}
    assert ends == {"expired": 1, "withheld": 1, "unreadable": 1, "bounced": 2}
    assert not any(name in delivery.tail() for name in names)


async def is_away(delivery: WorkerProcess) -> bool:
    return any("cannot be reached" in why for why in await delivery.waits_for() or ())
