"""Mail to a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.deliver.mail import build_mail, mailbox, read_sender
from streamproc.deliver.ports import Answer, Away, Bounce, Bounced, Delivered, Later, Unusable
from streamproc.deliver.smtp import MailServer, Smtp, read_server
from tests.deliver.receivers import Mailbox, say_nothing
from tests.deliver.samples import LINKS, NUDGE_ID, parcel

SENDER = read_sender("Shop & Söhne <hello@shop.example>")
TO = "ada@example.com"


@pytest.fixture
async def server() -> AsyncIterator[Mailbox]:
    async with Mailbox().open() as opened:
        yield opened


async def send(server: Mailbox, to: str = TO, times: int = 1, **content: Any) -> Answer:
    target = Smtp(read_server(server.url), SENDER)
    try:
        answers = [await target.send(parcel("email", content), to) for _ in range(times)]
    finally:
        await target.close()
    return answers[-1]


async def test_a_mail_arrives_with_its_parts_and_the_headers_of_rfc_8058(server: Mailbox) -> None:
    assert await send(server, html="<p>Jetzt für Sie: — 😀</p>") == Delivered()
    (mail,) = server.mails
    assert (mail["From"], mail["To"]) == ("Shop & Söhne <hello@shop.example>", TO)
    assert mail["Subject"] == "Your basket is saved"
    assert mail["Message-ID"] == f"<{NUDGE_ID}@shop.example>"
    assert mail["Date"] == "Fri, 27 Nov 2026 11:00:00 +0000"
    assert mail["List-Unsubscribe"] == f"<{LINKS['unsubscribe']}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Auto-Submitted"] == "auto-generated"
    text, html = mail.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert text.get_content().splitlines() == ["It is there when you want it."]
    assert "Jetzt für Sie: — 😀" in html.get_content()
    assert (server.envelopes[0].mail_from, server.envelopes[0].rcpt_tos) == ("hello@shop.example", [TO])


def test_the_same_nudge_gives_the_same_mail_each_time() -> None:
    first, second = (build_mail(parcel("email"), SENDER, TO).as_bytes() for _ in range(2))
    assert first == second
    assert first.count(b"=_" + NUDGE_ID.encode() + b"_=") == 4


async def test_a_mail_without_html_is_a_plain_text(server: Mailbox) -> None:
    await send(server, html="")
    assert server.mails[0].get_content_type() == "text/plain"


async def test_a_mail_is_seven_bits_wide_so_that_no_relay_changes_it(server: Mailbox) -> None:
    await send(server, subject="Größe 😀", text="Für Sie.", html="<p>" + "ö" * 5_000 + "</p>")
    content = server.envelopes[0].content
    assert isinstance(content, bytes)
    assert content.isascii()
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert server.mails[0]["Subject"] == "Größe 😀"


def test_a_long_link_stays_whole() -> None:
    link = "https://shop.example/stop/" + "x" * 700
    made = build_mail(parcel("email", {"headers": {"List-Unsubscribe": f"<{link}>"}}), SENDER, TO)
    assert f"List-Unsubscribe: <{link}>\r\n".encode() in made.as_bytes()


def test_a_nudge_without_the_headers_gets_them_from_its_link() -> None:
    made = build_mail(parcel("email", {"headers": {}}), SENDER, TO)
    assert made["List-Unsubscribe"] == f"<{LINKS['unsubscribe']}>"
    assert made["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    open_line = build_mail(
        parcel("email", {"headers": {}}, controls={"unsubscribe": "http://127.0.0.1/stop"}), SENDER, TO
    )
    assert open_line["List-Unsubscribe-Post"] is None


@given(
    st.dictionaries(st.sampled_from(["From", "Bcc", "To", "x-a\r\nBcc", "List-Id", "X-Tag"]), st.text()),
    st.text(max_size=300),
)
def test_no_words_of_a_nudge_name_another_sender_or_recipient(headers: dict[str, str], subject: str) -> None:
    made = build_mail(parcel("email", {"headers": headers, "subject": subject}), SENDER, TO)
    head = made.as_bytes().split(b"\r\n\r\n")[0]
    names = [
        line.split(b":")[0].lower() for line in head.split(b"\r\n") if not line.startswith((b" ", b"\t"))
    ]
    assert (names.count(b"from"), names.count(b"to"), names.count(b"bcc")) == (1, 1, 0)
    assert made["To"] == TO


@pytest.mark.parametrize(
    ("says", "answer"),
    [
        ("550 5.1.1 no such user ada@example.com", Bounced(Bounce.REFUSED)),
        ("450 4.2.0 greylisted", Later("it answers 450")),
        ("421 4.3.2 closing", Away("it answers 421")),
    ],
)
async def test_what_an_answer_to_a_recipient_means(server: Mailbox, says: str, answer: Answer) -> None:
    server.says = lambda _: says
    assert await send(server) == answer


@pytest.mark.parametrize(
    ("says", "answer"), [("554 spam", Bounced(Bounce.REFUSED)), ("452 full", Later("it answers 452"))]
)
async def test_what_an_answer_to_the_text_means(server: Mailbox, says: str, answer: Answer) -> None:
    server.says_at_the_end = lambda _: says
    assert await send(server) == answer


async def test_a_refused_mail_does_not_hinder_the_next_on_its_connection(server: Mailbox) -> None:
    server.says = lambda to: "250 OK" if to == TO else "550 no"
    target = Smtp(read_server(server.url), SENDER)
    answers = [
        await target.send(parcel("email"), to) for to in ("bob@example.com", TO, "eve@example.com", TO)
    ]
    await target.close()
    assert answers == [Bounced(Bounce.REFUSED), Delivered(), Bounced(Bounce.REFUSED), Delivered()]
    assert (server.connections, len(server.mails)) == (1, 2)


async def test_a_connection_that_brought_many_mails_is_replaced(
    server: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamproc.deliver.smtp.MAILS_A_CONNECTION_MAX", 2)
    assert await send(server, times=5) == Delivered()
    assert (server.connections, len(server.mails)) == (3, 5)


async def test_a_server_that_is_not_there_is_away_and_one_that_returns_is_found() -> None:
    server = Mailbox()
    target = Smtp(read_server(server.url), SENDER)
    answer = await target.send(parcel("email"), TO)
    assert isinstance(answer, Away)
    async with server.open():
        assert await target.send(parcel("email"), TO) == Delivered()
        await target.close()


async def test_a_server_that_is_silent_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamproc.deliver.smtp.SEND_SECONDS_MAX", 0.1)
    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    target = Smtp(MailServer("127.0.0.1", port, implicit_tls=False), SENDER)
    assert await target.send(parcel("email"), TO) == Away("TimeoutError")
    silent.close()


async def test_a_sender_or_a_login_that_is_refused_bounces_nobody(server: Mailbox) -> None:
    """What is set wrong here is no customer's fault: nudges wait until it is set right."""
    target = Smtp(MailServer("127.0.0.1", server.port, implicit_tls=False, user="u", password="p"), SENDER)
    answer = await target.send(parcel("email"), TO)
    assert isinstance(answer, Away)
    assert "p" not in answer.why.split()
    assert server.mails == []


@pytest.mark.parametrize(
    "to",
    [
        "",
        "nobody",
        "a@b@c",
        "a b@c.example",
        "a@c.io\r\nRCPT TO:<eve@c.io>",
        "x" * 250 + "@c.io",
        "jörg@c.io",
    ],
)
async def test_a_bad_address_bounces_without_a_call(server: Mailbox, to: str) -> None:
    assert await send(server, to) == Bounced(Bounce.BAD_ADDRESS)
    assert server.connections == 0


@given(st.text())
def test_no_text_is_more_than_one_address(text: str) -> None:
    found = mailbox(text)
    assert found is None or (found.count("@") >= 1 and found.isprintable() and len(found) <= 254)


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://127.0.0.1", MailServer("127.0.0.1", 25, implicit_tls=False)),
        ("smtps://relay.example", MailServer("relay.example", 465, implicit_tls=True)),
        ("smtp://u%40x:p%2F@relay.example:587", MailServer("relay.example", 587, False, "u@x", "p/")),
    ],
)
def test_a_mail_server_is_read_from_its_url(url: str, server: MailServer) -> None:
    assert read_server(url) == server


def test_a_password_goes_over_no_open_line_but_on_this_machine() -> None:
    assert read_server("smtp://u:p@relay.example:587").must_encrypt
    assert not read_server("smtp://u:p@127.0.0.1").must_encrypt
    assert not read_server("smtp://relay.example").must_encrypt


@pytest.mark.parametrize(
    "url", ["smtp://", "smtp://h:x", "smtp://h/path", "smtp://u:secret@h?tls=no", "smtp://[::1"]
)
def test_a_url_that_names_no_mail_server_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(Unusable) as refused:
        read_server(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("text", ["", "Shop", "Shop <hello>", "a@b.example, c@d.example"])
def test_a_sender_that_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(Unusable, match="--from"):
        read_sender(text)
