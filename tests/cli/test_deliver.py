"""`streamproc deliver`: what it says before it runs, and what it would do."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from streamproc.core.consent import encode_consent, fold
from streamproc.core.consent_head import NO_CONSENT
from streamproc.core.context import Context
from streamproc.core.facts import ConsentChange
from streamproc.core.stored_context import encode_context
from streamproc.store.base import Write
from streamproc.store.keys import IdKey
from streamproc.store.redis_store import RedisStore
from tests.cli.command_line import CommandLine
from tests.deliver.samples import nudge


def test_all_that_is_wrong_is_said_at_once(offline: CommandLine, tmp_path: Path) -> None:
    said = offline(
        "deliver", "email", "--to", "smtp://relay", "--addresses", tmp_path / "none.csv", "--rate", "20",
        "--metrics-addr", "9465",
    )  # fmt: skip
    assert said.code == 1
    for wrong in (
        "STREAMPROC_KAFKA is not set",
        "STREAMPROC_ID_KEY_FILE is not set",
        "--from is missing",
        "none.csv: cannot be read",
        "--rate '20': write a number",
        "'9465' is no address",
    ):
        assert wrong in said.err


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (("emial", "--to", "smtp://relay"), "no channel 'emial'; did you mean 'email'?"),
        (("email",), "one of --to and --to-file names the target"),
        (("email", "--to", "relay:25"), "--to is no URL"),
        (("sms", "--to", "smtp://relay"), "a mail server takes email, not sms"),
        (("push", "--to", "https://hooks.example"), "--secret-file is missing"),
        (("sms", "--to", "json://h/{address}"), "--addresses is missing"),
        (("email", "--to", "smtp://relay", "--from", "a@b.io"), "--addresses is missing"),
        (("email", "--to", "smtp://relay", "--json"), "--json belongs to --dry-run"),
        (("in_store", "--to", "json://h", "--addresses-token-file", "x"), ""),
    ],
)
def test_what_is_wrong_is_said_with_what_to_write(
    offline: CommandLine, words: tuple[str, ...], wrong: str
) -> None:
    said = offline("deliver", *words)
    assert said.code == 1
    assert wrong in said.err


@pytest.mark.parametrize(
    ("url", "module"), [("smtp://relay", "aiosmtplib"), ("tgram://token/{address}", "apprise")]
)
def test_without_its_extra_it_says_what_to_install(
    offline: CommandLine, monkeypatch: pytest.MonkeyPatch, url: str, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    said = offline("deliver", "email", "--to", url, "--from", "a@b.io")
    assert said.code == 1
    assert (
        f"--to {url.partition('://')[0]}:// needs the extra `deliver`: pip install 'streamproc[deliver]'"
        in said.err
    )


def test_a_target_in_a_file_is_read_and_its_secret_is_in_no_message(
    offline: CommandLine, tmp_path: Path
) -> None:
    file = tmp_path / "target"
    file.write_text("smtp://user:geheim@relay.example/path\n")
    said = offline("deliver", "email", "--to-file", file, "--from", "a@b.io")
    assert "write smtp://HOST:PORT" in said.err
    assert "geheim" not in said.out + said.err
    file.write_text("two\nlines")
    assert "one line of at most" in offline("deliver", "email", "--to-file", file).err


def test_a_dry_run_shows_what_would_be_sent_and_sends_nothing(installed: CommandLine, tmp_path: Path) -> None:
    asyncio.run(_four_nudges(installed))
    people = tmp_path / "people.csv"
    people.write_text("customer_id,address\nc-1,ada@example.com\nc-2,bob@example.com\n")
    words = (
        "deliver",
        "email",
        "--to",
        "smtp://127.0.0.1:9",
        "--from",
        "a@b.io",
        "--addresses",
        people,
        "--dry-run",
    )
    found = {one["nudge_id"][0]: one for one in installed(*words, "--json").json}
    assert {key: (one["verdict"], one.get("why", "")) for key, one in found.items()} == {
        "1": ("would send", ""),
        "2": ("withheld", "channel_not_opted_in processing"),
        "3": ("bounced", "no_address"),
        "4": ("expired", ""),
    }
    assert found["1"]["address"] == "a***@example.com"
    said = installed(*words)
    assert said.code == 0
    assert "Your basket is saved" in said.out
    assert "ada@example.com" not in said.out
    assert said.out.splitlines()[-1].endswith("Nothing was sent.")
    assert installed("deliver", "push", "--to", "json://127.0.0.1:9", "--dry-run").out == (
        "nothing waits. Nothing was sent.\n"
    )


async def _four_nudges(cli: CommandLine) -> None:
    """Two customers who agreed, one of them without an address, and one who did not."""
    env = cli.env
    key = IdKey.from_file(env["STREAMPROC_ID_KEY_FILE"])
    store = RedisStore(env["STREAMPROC_REDIS_URL"], id_check=key.check())
    await store.open(fresh=True)
    head = NO_CONSENT
    for offset, (channel, purpose) in enumerate([("*", "processing"), ("email", "marketing")]):
        head = fold(head, ConsentChange("", channel, purpose, "granted", 1), 1, 0, offset)
    for customer in ("c-1", "c-3"):
        h = key.h(customer)
        (slot,) = await store.load([h])
        context, consent = encode_context(Context(customer_id=customer)), encode_consent(head)
        await store.commit(
            [
                Write(
                    h=h,
                    context_version=slot.context_version,
                    consent_version=slot.consent_version,
                    context=context,
                    consent=consent,
                )
            ]
        )
    await store.close()
    now_ms = time.time_ns() // 1_000_000
    producer = AIOKafkaProducer(bootstrap_servers=env["STREAMPROC_KAFKA"])
    await producer.start()
    for number, customer in enumerate(("c-1", "c-2", "c-3", "c-1"), 1):
        expires_ms = now_ms + (60_000 if number < 4 else -1)
        value = nudge(
            "email",
            nudge_id=str(number) * 32,
            customer_id=customer,
            campaign="wishlist_saved",
            expires_at_ms=expires_ms,
        )
        await producer.send_and_wait(
            env["STREAMPROC_TOPIC_PREFIX"] + "nudges.email", json.dumps(value).encode(), key=customer.encode()
        )
    await producer.stop()
