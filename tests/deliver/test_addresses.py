"""Where customers are reached: a file, or a service of the shop."""

from __future__ import annotations

import json
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from streamproc.deliver.address_file import AddressFile, read_addresses
from streamproc.deliver.address_lookup import AddressLookup
from streamproc.deliver.ports import AddressesAway, Unusable
from tests.deliver.receivers import Endpoint, Posted


def written(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text, "utf-8")
    return file


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p.csv", "customer_id,address\nc-1,a@b.example\nc-2, \nc-3,x\nc-3,y\n"),
        ("p.csv", '\ufeffaddress,city,customer_id\r\n"a@b.example","Berlin, Mitte",c-1\r\ny,,c-3\r\n'),
        ("p.csv", "customer_id,email,push\nc-1,a@b.example,tok\nc-3,y,\n"),
        ("p.ndjson", '{"customer_id":"c-1","address":"a@b.example"}\n\n{"customer_id":"c-3","email":"y"}\n'),
    ],
)
def test_a_file_is_read_by_the_names_of_its_columns(tmp_path: Path, name: str, text: str) -> None:
    assert read_addresses(written(tmp_path, name, text), "email") == {"c-1": "a@b.example", "c-3": "y"}


@pytest.mark.parametrize(
    ("name", "text", "wrong"),
    [
        ("p.csv", "", "the first line names the columns: customer_id and address"),
        ("p.csv", "c-1,a@b.example\n", "the first line names the columns"),
        ("p.csv", "customer_id,mail\n", "customer_id and email"),
        ("p.csv", "customer_id,address\n,a@b.example\n", "line 2 has no customer_id"),
        ("p.ndjson", '{"customer_id":"c-1","address":"x"}\n[]\n', "line 2 is no JSON object"),
        ("p.ndjson", '{"customer_id":"c-1","address":7}\n', "line 1 has no customer_id or no text"),
    ],
)
def test_a_file_that_is_none_is_refused_by_line_without_its_text(
    tmp_path: Path, name: str, text: str, wrong: str
) -> None:
    with pytest.raises(Unusable, match=wrong) as refused:
        read_addresses(written(tmp_path, name, text), "email")
    assert "a@b.example" not in str(refused.value)


def test_a_file_that_is_not_there_or_is_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="No such file"):
        AddressFile(tmp_path / "none.csv", "email")
    (tmp_path / "p.csv").write_bytes(b"customer_id,address\n\xff,\xfe\n")
    with pytest.raises(Unusable, match="is no UTF-8"):
        AddressFile(tmp_path / "p.csv", "email")


async def test_a_changed_file_counts_after_seconds_and_a_broken_one_does_not(tmp_path: Path) -> None:
    now = 0.0
    file = written(tmp_path, "p.csv", "customer_id,address\nc-1,one\n")
    addresses = AddressFile(file, "email", monotonic=lambda: now)
    written(tmp_path, "p.csv", "customer_id,address\nc-1,another\n")
    assert await addresses.find("c-1") == "one"
    now = 5.0
    assert (await addresses.find("c-1"), await addresses.find("c-2")) == ("another", None)
    file.unlink()
    now = 10.0
    assert await addresses.find("c-1") == "another"
    written(tmp_path, "p.csv", "nonsense\n")
    os.utime(file, ns=(time.time_ns(), 7))
    now = 15.0
    assert await addresses.find("c-1") == "another"


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    async with Endpoint().open() as opened:
        yield opened


def knows(endpoint: Endpoint, **people: object) -> None:
    def answer(posted: Posted) -> tuple[int, dict[str, str], str]:
        name = posted.path.rpartition("/")[2]
        return (200, {}, json.dumps({"address": people[name]})) if name in people else (404, {}, "")

    endpoint.answers = answer


async def test_a_look_up_is_asked_once_a_minute_for_a_customer(endpoint: Endpoint) -> None:
    now = 0.0
    lookup = AddressLookup(endpoint.url("/a/{customer_id}"), "secret", monotonic=lambda: now)
    knows(endpoint, ada="ada@example.com", bob=None, eve=" ")
    assert await lookup.find("ada") == "ada@example.com"
    assert [await lookup.find(one) for one in ("bob", "eve", "nobody", "nobody")] == [None] * 4
    assert await lookup.find("ada") == "ada@example.com"
    assert len(endpoint.requests) == 4
    assert endpoint.requests[0].headers["Authorization"] == "Bearer secret"
    now = 60.0
    knows(endpoint, ada="new@example.com")
    assert await lookup.find("ada") == "new@example.com"
    await lookup.close()


async def test_a_customers_id_stays_in_its_place_of_the_url(endpoint: Endpoint) -> None:
    lookup = AddressLookup(endpoint.url("/a/{customer_id}/mail"))
    endpoint.answers = lambda _: (404, {}, "")
    for customer_id in ("a/b", "a?b", "ä ", "%2F", "..", "."):
        assert await lookup.find(customer_id) is None
    assert [one.path for one in endpoint.requests] == [
        "/a/a%2Fb/mail",
        "/a/a%3Fb/mail",
        "/a/%C3%A4%20/mail",
        "/a/%252F/mail",
    ]
    await lookup.close()


@pytest.mark.parametrize(
    "answer",
    [
        (500, {}, ""),
        (401, {}, ""),
        (200, {}, "no JSON of c-17"),
        (200, {}, '{"address": 7}'),
        (200, {}, '{"address": "' + "x" * 70_000 + '"}'),
    ],
)
async def test_a_look_up_that_cannot_answer_is_away_and_says_nothing_of_anybody(
    endpoint: Endpoint, answer: tuple[int, dict[str, str], str]
) -> None:
    endpoint.answers = lambda _: answer
    lookup = AddressLookup(endpoint.url("/a/{customer_id}"))
    with pytest.raises(AddressesAway) as away:
        await lookup.find("c-17")
    assert "c-17" not in str(away.value)
    await lookup.close()
    with pytest.raises(AddressesAway):
        await AddressLookup(Endpoint().url("/{customer_id}")).find("c-17")


async def test_a_look_up_is_led_nowhere_else(endpoint: Endpoint) -> None:
    endpoint.answers = lambda one: (
        (302, {"Location": "/b"}, "") if one.path == "/a/c-17" else (200, {}, '{"address": "x"}')
    )
    lookup = AddressLookup(endpoint.url("/a/{customer_id}"))
    with pytest.raises(AddressesAway, match="answers 302"):
        await lookup.find("c-17")
    await lookup.close()


def test_a_look_up_without_a_place_for_the_customer_is_refused() -> None:
    with pytest.raises(Unusable, match=r"\{customer_id\}"):
        AddressLookup("https://shop.example/addresses")
