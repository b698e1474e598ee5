"""Services behind Apprise URLs, with Apprise's own `json://` on loopback as the service."""

from __future__ import annotations

import logging
import sys
from collections.abc import AsyncIterator

import pytest

from streamproc.deliver.ports import Answer, Bounce, Bounced, Delivered, Later, Unusable
from streamproc.deliver.services import Service, words_of
from tests.deliver.receivers import Endpoint
from tests.deliver.samples import LINKS, parcel


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    async with Endpoint().open() as opened:
        yield opened


async def send(endpoint: Endpoint, path: str, address: str | None, channel: str = "push") -> Answer:
    service = Service(endpoint.url(path, "json"))
    return await service.send(parcel(channel), address)


async def test_a_nudge_reaches_the_address_in_the_url(endpoint: Endpoint) -> None:
    assert await send(endpoint, "/to/{address}", "+49 1".replace(" ", "")) == Delivered()
    (posted,) = endpoint.requests
    assert posted.path == "/to/+491"
    assert (posted.json["title"], posted.json["message"].splitlines()[0]) == (
        "Still there",
        "Your basket is saved.",
    )


@pytest.mark.parametrize("address", ["a,b", "a b", "a;b", "a\nb", "a\u202eb"])
async def test_one_address_never_becomes_two(endpoint: Endpoint, address: str) -> None:
    assert await send(endpoint, "/to/{address}", address) == Bounced(Bounce.BAD_ADDRESS)
    assert endpoint.requests == []


@pytest.mark.parametrize("address", ["a/b", "a?to=b", "a%2Fb", "#b"])
async def test_an_address_stays_in_its_place_of_the_url(endpoint: Endpoint, address: str) -> None:
    await send(endpoint, "/to/{address}/end", address)
    (posted,) = endpoint.requests
    assert posted.path.startswith("/to/")
    assert posted.path.endswith("/end")
    assert "?" not in posted.path


async def test_a_no_is_tried_again(endpoint: Endpoint) -> None:
    endpoint.answers = lambda _: (500, {}, "")
    assert await send(endpoint, "/", None) == Later("it says no, or does not answer")


def test_only_a_url_with_a_place_for_addresses_needs_them() -> None:
    assert Service("json://127.0.0.1/{address}").needs_address
    assert not Service("json://127.0.0.1/staff").needs_address


@pytest.mark.parametrize("url", ["nosuchservice://token", "tgram://", "json://"])
def test_a_service_that_apprise_does_not_know_is_refused_without_its_token(url: str) -> None:
    with pytest.raises(Unusable, match="Apprise knows no such service") as refused:
        Service(url)
    assert "token" not in str(refused.value)


def test_without_apprise_the_command_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(
        Unusable, match=r"--to tgram:// needs the extra .deliver.: pip install 'streamproc\[deliver\]'"
    ):
        Service("tgram://token/{address}")


async def test_nothing_of_a_nudge_is_logged(endpoint: Endpoint, caplog: pytest.LogCaptureFixture) -> None:
    endpoint.answers = lambda _: (400, {}, "no such user")
    with caplog.at_level(logging.DEBUG):
        await send(endpoint, "/to/{address}", "491511234567")
    assert "491511234567" not in caplog.text
    assert "basket" not in caplog.text


def test_the_words_of_each_channel() -> None:
    assert words_of(parcel("push")) == (
        "Still there",
        f"Your basket is saved.\n{LINKS['why']}\n{LINKS['unsubscribe']}",
    )
    assert words_of(parcel("in_app"))[1].splitlines()[1] == "https://shop.example/basket"
    assert words_of(parcel("sms")) == ("", "Your basket is saved. Stop: https://shop.example/stop/5f0c")
    assert words_of(parcel("email")) == ("Your basket is saved", "It is there when you want it.\n")
    assert words_of(parcel("in_store")) == ("", "Coats are reduced.")
    assert words_of(parcel("push", {"body": 7}))[0] == "Still there"
