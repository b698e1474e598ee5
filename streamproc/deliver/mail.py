"""Write a nudge as a mail."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, getaddresses
from typing import Final

from streamproc.core.values import clean
from streamproc.deliver.parcel import Parcel
from streamproc.deliver.ports import Unusable

__all__ = ["Sender", "build_mail", "mailbox", "read_sender"]

ADDRESS_CHARS_MAX: Final = 254  # RFC 5321, 4.5.3.1.3
# Long links must stay whole: folded, Python's writer would encode them, and mail programs not know them again. Seven
# bits pass every relay, and a DKIM signature made on the way stays valid.
_POLICY: Final = SMTP.clone(max_line_length=998, cte_type="7bit")
# What a nudge may add. All else of the envelope is ours: a text must not name another sender or recipient.
_HEADERS: Final = re.compile(r"(list|feedback|x)-[a-z0-9-]{1,60}", re.IGNORECASE)


class Sender:
    """Who a mail is from: the mailbox, and the header that shows it with its name."""

    def __init__(self, shown: Address) -> None:
        self.shown: Final = shown
        self.mailbox: Final = shown.addr_spec


def read_sender(text: str) -> Sender:
    """Read `Shop <hello@shop.example>` or a bare address. Raises Unusable."""
    found = getaddresses([text])
    name, spec = found[0] if len(found) == 1 else ("", "")
    checked = mailbox(spec)
    if checked is None:
        raise Unusable(f"--from {text!r} is no mail address: write Shop <hello@shop.example>")
    return Sender(Address(display_name=name, addr_spec=checked))


def mailbox(text: str) -> str | None:
    """Return a bare mail address, None where the text is none, or is more than one.

    It is ASCII: a domain beyond that is written as `xn--...`, which every server knows.
    """
    spec = text.strip()
    if not 0 < len(spec) <= ADDRESS_CHARS_MAX or not (spec.isascii() and spec.isprintable()):
        return None
    try:
        found = Address(addr_spec=spec)
    except (HeaderParseError, ValueError, IndexError):
        return None
    return found.addr_spec if found.username and found.domain else None


def build_mail(parcel: Parcel, sender: Sender, to: str) -> EmailMessage:
    """Write the mail of a nudge, the same bytes each time.

    The Message-ID is made of the nudge's id, so that a bounce that comes back by mail can be told its nudge. Where the
    nudge has no List-Unsubscribe headers (RFC 8058), they are made of its link.
    """
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = sender.shown
    mail["To"] = Address(addr_spec=to)
    mail["Subject"] = clean(parcel.said("subject"))
    mail["Date"] = format_datetime(datetime.fromtimestamp(parcel.decided_at_ms / 1_000, UTC))
    mail["Message-ID"] = f"<{parcel.nudge_id}@{sender.shown.domain}>"
    # RFC 3834: holiday notices need not answer.
    mail["Auto-Submitted"] = "auto-generated"
    for name, value in _headers(parcel).items():
        mail[name] = value
    mail.set_content(parcel.said("text"))
    if parcel.said("html"):
        mail.add_alternative(parcel.said("html"), subtype="html")
        # Else the library draws one by chance. No text of ours holds a line that begins with it.
        mail.set_boundary(f"=_{parcel.nudge_id}_=")
    return mail


def _headers(parcel: Parcel) -> dict[str, str]:
    given = parcel.content.get("headers")
    found = {
        name: clean(value)
        for name, value in (given.items() if isinstance(given, dict) else ())
        if isinstance(value, str) and _HEADERS.fullmatch(name)
    }
    link = clean(parcel.controls.get("unsubscribe", ""))
    if link and not any(name.lower() == "list-unsubscribe" for name in found):
        found["List-Unsubscribe"] = f"<{link}>"
        if link.startswith("https://"):
            found["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return found
