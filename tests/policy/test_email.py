"""A mail can be unsubscribed in one step, and no fact ever becomes a header, a tag or an attribute."""

from __future__ import annotations

from dataclasses import replace
from email.message import EmailMessage
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.channels.message import RenderError
from streamproc.core.policy.markup import markup_problem
from streamproc.core.policy.model import Policy
from streamproc.core.policy.problems import PolicyErrors
from streamproc.core.render import frame_of, render
from tests.policy.messages import CONTENT, FRAME, LOOK, NUDGE_ID, POLICY, STOP, policy_with, written
from tests.policy.samples import CHANNELS


class Tags(HTMLParser):
    """Collects what a reader of HTML takes for markup, and the text."""

    def __init__(self, html: object) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []
        self.words = ""
        self.feed(str(html))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.words += data

    def handle_comment(self, data: str) -> None:
        self.tags.append(("comment", [(data, None)]))

    def handle_decl(self, decl: str) -> None:
        self.tags.append(("declaration", [(decl, None)]))

    def unknown_decl(self, data: str) -> None:
        self.tags.append(("unknown", [(data, None)]))

    def handle_pi(self, data: str) -> None:
        self.tags.append(("instruction", [(data, None)]))


def test_a_mail_can_be_unsubscribed_in_one_step_and_carries_reason_and_links() -> None:
    content = written("email")
    assert content["headers"] == {
        "List-Unsubscribe": f"<{STOP}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    assert content["subject"] == "Wool coat"
    text = "Wool coat is here.\n\nNo rush.\n\nYou looked at it.\nWhy? https://"
    assert str(content["text"]).startswith(text)
    assert str(content["text"]).endswith(f"Stop {STOP}\n")
    assert f'<a href="{STOP}">Stop</a>' in str(content["html"])


def test_a_mailto_address_stands_beside_the_link_where_the_policy_has_one() -> None:
    mailto = "mailto:stop@shop.example?subject=stop-{nudge_id}"
    channels = CHANNELS.replace("{form: email, ", f'{{form: email, unsubscribe_mailto: "{mailto}", ')
    policy = policy_with(channels=channels)
    content = render(policy.campaigns["look"], policy.channels["email"], "soften", {}, FRAME)
    assert content["headers"] == {
        "List-Unsubscribe": f"<{STOP}>, <mailto:stop@shop.example?subject=stop-{NUDGE_ID}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


@pytest.mark.parametrize(
    "mailto",
    [
        "stop@shop.example",
        "mailto:stop@shop.example",
        "mailto:stop@shop.example?subject=stop",
        "mailto:stop@shop.example?subject={nudge_id}&cc=all@shop.example",
        "mailto:stop@shop.example?subject={nudge_id}>, <https://evil.example",
    ],
)
def test_a_mailto_address_that_names_no_nudge_or_more_is_refused_at_load(mailto: str) -> None:
    channels = CHANNELS.replace("{form: email, ", f'{{form: email, unsubscribe_mailto: "{mailto}", ')
    with pytest.raises(
        PolicyErrors, match=r"channels.yaml:5: channels.email.unsubscribe_mailto: .* is not such"
    ):
        policy_with(channels=channels)


def test_a_control_that_is_not_ascii_is_refused_since_it_stands_in_a_header() -> None:
    with pytest.raises(PolicyErrors, match=r"channels.yaml:13: controls.unsubscribe: must be of ASCII"):
        policy_with(channels=CHANNELS.replace("example/stop", "example/stöp"))


def test_html_is_made_of_the_text_with_a_preheader_that_nobody_sees_twice() -> None:
    content = written("email", "soften")
    assert content["preheader"] == "It is here."
    begin = (
        '<div lang="en" dir="ltr"><div style="display:none;max-height:0;overflow:hidden">It is here.</div>'
    )
    assert str(content["html"]).startswith(f"{begin}<p>It is here.</p><p>You looked at it. <a href=")


def mail_with(**fields: str) -> dict[str, object]:
    words = ", ".join(
        f"{name}: {text!r}" for name, text in {"subject": "Hi", "text": "Here.", **fields}.items()
    )
    content = CONTENT.replace("say: {subject", f"say: {{{words}}}\n    XX: {{subject").split("    XX")
    policy = policy_with(content[0] + content[1].split("\n", 1)[1])
    return said(policy)


def said(policy: Policy, locale: str = "en") -> dict[str, object]:
    campaign, channel = policy.campaigns["look"], policy.channels["email"]
    frame = frame_of(policy, campaign, channel, locale, NUDGE_ID, 0)
    return render(campaign, channel, "send", {"item": "Coat & Co"}, frame)


def test_a_preheader_is_the_authors_or_the_beginning_of_the_text() -> None:
    assert mail_with(preheader="Look, {{ item }}")["preheader"] == "Look, Coat & Co"
    assert "Look, Coat &amp; Co</div>" in str(mail_with(preheader="Look, {{ item }}")["html"])
    assert mail_with(text="word " * 60)["preheader"] == ("word " * 60)[:119].rstrip() + "…"


def test_words_that_name_a_fact_without_end_write_no_endless_mail() -> None:
    policy = policy_with(CONTENT.replace('html: "<p><b>{{ item }}</b></p>"', f'html: "{"{{ item }}" * 300}"'))
    campaign, channel = policy.campaigns["look"], policy.channels["email"]
    assert len(str(render(campaign, channel, "send", {"item": "x"}, FRAME)["html"])) < 1_000
    with pytest.raises(RenderError, match=r"too_long: 30\d\d\d of 30000 characters"):
        render(campaign, channel, "send", {"item": "&" * 20}, FRAME)


def test_paragraphs_and_line_breaks_of_a_text_stay_in_its_html() -> None:
    words = written("email", "soften")
    copy = LOOK.content["en"]["email"]
    soft = replace(copy.soft, renders={**copy.soft.renders, "text": lambda _: "One <1>\ntwo\n\n\nthree"})
    campaign = replace(LOOK, content={"en": {"email": replace(copy, soft=soft)}})
    content = render(campaign, POLICY.channels["email"], "soften", {}, FRAME)
    assert "<p>One &lt;1&gt;<br>two</p><p>three</p>" in str(content["html"])
    assert content["preheader"] == "One <1> two"
    assert words["subject"] == content["subject"]


def test_a_language_from_right_to_left_is_shown_so() -> None:
    frame = replace(FRAME, locale="ar")
    campaign = replace(LOOK, content={"ar": LOOK.content["en"]}, labels={"ar": LOOK.labels["en"]})
    html = str(render(campaign, POLICY.channels["email"], "soften", {}, frame)["html"])
    assert html.startswith('<div lang="ar" dir="rtl">')


TRICKS = st.text(alphabet="<>\"'&=/!-[]? \t\n\r\x00ascriptonlove:;#x0", max_size=80) | st.text(max_size=80)
BENIGN = Tags(written("email", item="Coat")["html"]).tags


@given(TRICKS)
def test_no_value_ever_produces_a_tag_or_an_attribute(item: str) -> None:
    try:
        html = written("email", item=item)["html"]
    except RenderError:
        return
    assert Tags(html).tags == BENIGN


@given(TRICKS)
def test_no_value_ever_produces_a_header(item: str) -> None:
    try:
        content = written("email", item=item)
    except RenderError:
        return
    mail = EmailMessage()
    mail["Subject"] = content["subject"]
    assert isinstance(content["headers"], dict)
    for name, value in content["headers"].items():
        mail[name] = value
    head = mail.as_bytes().split(b"\n\n")[0].splitlines()
    assert {line.split(b":")[0] for line in head if not line.startswith(b" ")} == {
        b"Subject",
        *(name.encode() for name in content["headers"]),
    }


def test_a_line_break_in_a_value_forges_no_header() -> None:
    content = written("email", item="Coat\r\nBcc: everyone@shop.example\u2028x\x00")
    assert content["subject"] == "Coat Bcc: everyone@shop.example x"


def test_values_are_escaped_in_html_and_only_there() -> None:
    content = written("email", item='<script>"&')
    assert "<p><b>&lt;script&gt;&quot;&amp;</b></p>" in str(content["html"])
    assert content["subject"] == '<script>"&'


@pytest.mark.parametrize(
    "html",
    [
        "<p>{{ item }}</p>",
        '<p class="a" style="color:#333">Hi <b>{{ item }}</b><br>there<br/></p>',
        '<table><tr><td align="center"><a href="https://shop.example/x?a=1&amp;b=2">Look</a></td></tr></table>',
        '<img src="https://shop.example/a.png" alt="A coat">',
        "1 &lt; 2",
    ],
)
def test_the_little_html_that_every_mail_program_reads_alike_is_allowed(html: str) -> None:
    assert html.replace("{{ item }}", "Coat &amp; Co") in str(mail_with(html=html)["html"])


@pytest.mark.parametrize(
    ("html", "problem"),
    [
        ("<script>x</script>", "<script> is not allowed"),
        ("<style>x</style>", "<style> is not allowed"),
        ("<form></form>", "<form> is not allowed"),
        ("<!-- x -->", "is no tag"),
        ('<p onclick="x">a</p>', "<p onclick> is not allowed"),
        ('<a href="javascript:x">a</a>', "<a href> leads neither to an https nor to a mailto"),
        ('<a href="//evil.example">a</a>', "<a href> leads neither"),
        ('<a href="\0">a</a>', "is no tag"),
        ('<a title="\0">a</a>', "is no tag"),
        ("<\0>", "is no tag"),
        ("<p \0>a</p>", "is no tag"),
        ("<a href=https://x>a</a>", "is no tag"),
        ("<a href='https://x'>a</a>", "is no tag"),
        ("<P>a</P>", "is no tag"),
        ("1 < 2", "is no tag"),
        ("<p>a", "<p> is not closed"),
        ("a</p>", "</p> closes what is not open"),
        ("<b><i>a</b></i>", "</b> closes what is not open"),
        ("<p/>", "<p/> is not closed by its slash"),
        ('<p class="a" class="b">a</p>', "<p> has an attribute twice"),
        ("<div>" * 40, "more than 32 elements inside each other"),
        ('<a href="https://x"', "is no tag"),
    ],
)
def test_html_that_could_hide_what_follows_or_run_is_refused(html: str, problem: str) -> None:
    assert problem in markup_problem(html)


@given(st.text(alphabet="<>/ab =\"\0'!-p\n", max_size=60))
def test_html_that_is_allowed_keeps_facts_among_the_words_and_closes_what_it_opens(html: str) -> None:
    if not markup_problem(html):
        found = Tags(html.replace("\0", "FACT") + "<hr>")
        assert found.words.count("FACT") == html.count("\0")
        assert found.tags[-1] == ("hr", [])


def test_the_check_of_html_is_part_of_loading() -> None:
    with pytest.raises(PolicyErrors, match=r"content.email.say.html: <script> is not allowed"):
        mail_with(html="<script>x</script>")
