"""Signed CloudEvents to a real HTTP endpoint."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from streamproc.deliver.http_answers import judge, wait_s
from streamproc.deliver.ports import Answer, Away, Bounce, Bounced, Delivered, Later, Unusable
from streamproc.deliver.signature import read_secrets, signature_headers
from streamproc.deliver.webhook import Webhook, cloud_event
from tests.deliver.receivers import Endpoint, say_nothing
from tests.deliver.samples import NUDGE_ID, nudge, parcel

OLD, NEW = b"the old secret of the tests", b"the new secret of the tests"


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    async with Endpoint().open() as opened:
        yield opened


async def send(endpoint: Endpoint, *secrets: bytes, address: str | None = None) -> Answer:
    webhook = Webhook(endpoint.url(), secrets or (NEW,))
    try:
        return await webhook.send(parcel(), address)
    finally:
        await webhook.close()


async def test_a_nudge_arrives_as_a_cloud_event_with_its_id_as_idempotency_key(endpoint: Endpoint) -> None:
    assert await send(endpoint) == Delivered()
    (posted,) = endpoint.requests
    assert posted.path == "/nudges"
    assert posted.headers["Content-Type"] == "application/cloudevents+json"
    assert posted.headers["Idempotency-Key"] == posted.headers["webhook-id"] == NUDGE_ID
    assert posted.json == {
        "specversion": "1.0",
        "id": NUDGE_ID,
        "source": "streamproc",
        "type": "streamproc.nudge.v1",
        "time": "2026-11-27T11:00:00Z",
        "datacontenttype": "application/json",
        "data": nudge(),
    }


async def test_an_address_travels_with_the_nudge_and_inside_the_signature(endpoint: Endpoint) -> None:
    await send(endpoint, address='tok"en')
    assert endpoint.requests[0].json["recipient"] == 'tok"en'


async def test_a_receiver_verifies_the_signature_with_its_own_library(endpoint: Endpoint) -> None:
    await send(endpoint, OLD, NEW)
    (posted,) = endpoint.requests
    for secret in (OLD, NEW):
        Verifier("whsec_" + base64.b64encode(secret).decode()).verify(posted.body, posted.headers)
    forged = posted.body.replace(b"c-17", b"c-18")
    with pytest.raises(WebhookVerificationError):
        Verifier(base64.b64encode(NEW).decode()).verify(forged, posted.headers)
    with pytest.raises(WebhookVerificationError):
        Verifier(base64.b64encode(b"another secret, of nobody").decode()).verify(posted.body, posted.headers)


def test_the_signature_is_that_of_the_published_example() -> None:
    """The example of the Standard Webhooks specification."""
    secret = base64.b64decode("plJ3nmyCDGBKInavdOK15jsl")
    body = b'{"event_type":"ping","data":{"success":true}}'
    headers = signature_headers([secret], "msg_loFOjxBNrRLzqYUf", 1731705121, body)
    assert headers["webhook-signature"] == "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="


async def test_the_same_nudge_gives_the_same_body_each_time(endpoint: Endpoint) -> None:
    await send(endpoint)
    await send(endpoint)
    assert endpoint.requests[0].body == endpoint.requests[1].body == cloud_event(parcel(), None)


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, Delivered()),
        (202, Delivered()),
        (302, Away("it answers 302")),
        (400, Bounced(Bounce.REFUSED)),
        (401, Away("it answers 401")),
        (403, Away("it answers 403")),
        (404, Bounced(Bounce.REFUSED)),
        (405, Away("it answers 405")),
        (408, Later("it answers 408")),
        (409, Later("it answers 409")),
        (410, Bounced(Bounce.REFUSED)),
        (422, Bounced(Bounce.REFUSED)),
        (429, Away("it answers 429")),
        (500, Later("it answers 500")),
        (503, Away("it answers 503")),
    ],
)
async def test_what_a_status_means(endpoint: Endpoint, status: int, answer: Answer) -> None:
    endpoint.answers = lambda _: (status, {"Location": "/elsewhere"}, "")
    assert await send(endpoint) == answer
    assert [one.path for one in endpoint.requests] == ["/nudges"]


async def test_a_wait_that_is_asked_for_is_passed_on(endpoint: Endpoint) -> None:
    endpoint.answers = lambda _: (429, {"Retry-After": "17"}, "")
    assert await send(endpoint) == Away("it answers 429", 17.0)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        ("120", 120.0),
        ("999999999", 86_400.0),
        ("Fri, 27 Nov 2026 11:00:30 GMT", 30.0),
        ("Fri, 27 Nov 2026 10:00:00 GMT", 0.0),
        ("Fri, 27 Nov 2026 11:00:30", 30.0),
        ("soon", None),
        ("-1", None),
        ("٣", None),
    ],
)
def test_a_wait_is_read_in_seconds_or_as_a_date_within_a_day(text: str | None, seconds: float | None) -> None:
    assert wait_s(text, 1_795_777_200.0) == seconds


async def test_a_target_that_is_not_there_is_away() -> None:
    answer = await send(Endpoint())
    assert isinstance(answer, Away)
    assert "c-17" not in answer.why


async def test_a_target_that_does_not_answer_in_time_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    from streamproc.deliver import webhook

    monkeypatch.setattr(webhook, "SEND_SECONDS_MAX", 0.05)
    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    assert await send(Endpoint(port=port)) == Away("it did not answer within 0 s")
    silent.close()


def test_a_password_in_the_url_is_in_no_name() -> None:
    assert (
        Webhook("https://user:secret@hooks.example:8443/a?b=c", (NEW,)).name == "https://hooks.example:8443"
    )


def test_a_2xx_is_judged_by_its_range() -> None:
    assert [isinstance(judge(status, None, 0.0), Delivered) for status in (199, 200, 299, 300)] == [
        False,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "holds 0 secrets, 1 to 4 wanted"),
        ("c2hvcnQ=", "line 1 holds 5 bytes, at least 16 wanted"),
        ("no base64 at all!", "line 1 is no base64"),
        ("é", "is no base64"),
        ("\n".join(["b25lIHNlY3JldCBvZiBtYW55Li4u"] * 5), "holds 5 secrets, 1 to 4 wanted"),
    ],
)
def test_a_secret_that_is_none_is_refused_with_the_remedy(tmp_path: Path, text: str, wrong: str) -> None:
    file = tmp_path / "secret"
    file.write_text(text)
    with pytest.raises(Unusable, match=wrong) as refused:
        read_secrets(file)
    assert "openssl rand -base64 32" in str(refused.value)
    assert not text or text not in str(refused.value)


def test_secrets_are_read_with_and_without_their_prefix(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    lines = [base64.b64encode(OLD).decode(), "whsec_" + base64.b64encode(NEW).decode()]
    file.write_text("\n".join(lines) + "\n")
    assert read_secrets(file) == (OLD, NEW)
    with pytest.raises(Unusable, match="cannot be read: No such file"):
        read_secrets(tmp_path / "none")
