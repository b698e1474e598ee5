"""What a payload says about consent to processing: cookie categories and the purposes of the IAB's framework."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from typing import Final

import msgspec

from streamproc.core.event import Reason
from streamproc.ingest.names import folded
from streamproc.ingest.refusal import Refused
from streamproc.ingest.scalars import Scalar, is_true

# Names are compared without case, spaces, underscores, hyphens and ampersands. To be addressed personally: one of
# these has to be granted, and none refused.
ADDRESSED: Final = frozenset(
    {
        "advertising",
        "advertisement",
        "behavioraladvertising",
        "behaviouraladvertising",
        "targetedadvertising",
        "targeting",
        "targetingcookies",
        "targetingadvertising",
        "marketing",
        "marketinganalytics",
        "marketingandanalytics",
        "personalization",
        "personalisation",
        "c0004",
    }
)
# To be remembered: none of these may be refused.
REMEMBERED: Final = frozenset(
    {
        "analytics",
        "performance",
        "performancecookies",
        "siteperformance",
        "statistics",
        "measurement",
        "c0002",
    }
)
# About other things, so that neither answer says anything.
PASSED_OVER: Final = frozenset(
    {
        "necessary",
        "strictlynecessary",
        "strictlynecessarycookies",
        "essential",
        "essentialservices",
        "functional",
        "functionality",
        "functionalcookies",
        "preferences",
        "socialmedia",
        "datasharing",
        "c0001",
        "c0003",
        "c0005",
    }
)
# Store on a device, make a profile for personalised content, select by it: bits 1, 3 and 4 of a list that begins at 1.
PURPOSES: Final = (1, 3, 4)

_NO: Final = (0, "0", "false")
_BITS: Final = re.compile("[01]{1,64}")
# The core segment of version 2: 6 bits of version, and after 152 bits the answers to 24 purposes.
_VERSION_BITS, _PURPOSES_AT, _PURPOSES_BITS, _VERSION = 6, 152, 24, 2
_TC_CHARS_MAX: Final = 4096


class Tcf(msgspec.Struct, gc=False):
    """The keys in which the IAB's framework leaves a customer's answers."""

    gdpr_applies: Scalar = msgspec.field(name="IABTCF_gdprApplies", default=None)
    purposes: str | None = msgspec.field(name="IABTCF_PurposeConsents", default=None)
    tc_string: str | None = msgspec.field(name="IABTCF_TCString", default=None)


TCF_KEYS: Final = tuple(field.encode_name for field in msgspec.structs.fields(Tcf))


class Consent(Tcf, gc=False):
    """A consent object: answers by category, or those keys."""

    categories: dict[str, bool | None] | None = msgspec.field(name="categoryPreferences", default=None)


class Managed(msgspec.Struct, gc=False):
    """RudderStack's consent object: the categories that were allowed and denied."""

    allowed: list[str] | None = msgspec.field(name="allowedConsentIds", default=None)
    denied: list[str] | None = msgspec.field(name="deniedConsentIds", default=None)


def of_consent(consent: Consent) -> bool | None:
    """Return what a consent object says: True granted, False refused, None nothing.

    Raises Refused for keys of the framework that cannot be read: whoever cannot be understood has not agreed.
    """
    return agreed((of_categories(consent.categories or {}), of_tcf(consent)))


def agreed(answers: Iterable[bool | None]) -> bool | None:
    """Unite several answers: one refusal is a refusal, and of the rest one grant a grant."""
    said = {answer for answer in answers if answer is not None}
    return None if not said else said == {True}


def plain_name(category: str) -> str:
    """Return the name of a category as the lists above have it."""
    return folded(category).replace("-", "").replace("&", "")


def of_categories(preferences: dict[str, bool | None]) -> bool | None:
    """Return what answers by category say; a refusal under an unknown name keeps the others from being a grant."""
    addressed, unsure = False, False
    for name, answer in preferences.items():
        if answer is None:
            continue
        plain = plain_name(name)
        if not answer and (plain in ADDRESSED or plain in REMEMBERED):
            return False
        addressed = addressed or plain in ADDRESSED
        unsure = unsure or not (answer or plain in PASSED_OVER)
    return True if addressed and not unsure else None


def of_managed(managed: Managed) -> bool | None:
    """Return what RudderStack's lists say; a category in both is denied."""
    allowed: dict[str, bool | None] = dict.fromkeys(managed.allowed or (), True)
    return of_categories(allowed | dict.fromkeys(managed.denied or (), False))


def of_tcf(tcf: Tcf) -> bool | None:
    """Return what the framework's keys say; None where they are absent or its law does not apply."""
    if not (tcf.purposes or tcf.tc_string):
        return None
    if tcf.gdpr_applies in _NO:
        return None
    if tcf.gdpr_applies not in (None, "") and not is_true(tcf.gdpr_applies):
        raise Refused(Reason.UNKNOWN_VALUE, "IABTCF_gdprApplies", "known: 0, 1")
    bits = tcf.purposes or _purposes_of(tcf.tc_string or "")
    if not _BITS.fullmatch(bits):
        raise Refused(Reason.BAD_TEXT, "IABTCF_PurposeConsents", "expected 1 to 64 of 0 and 1")
    return all(bits[purpose - 1 : purpose] == "1" for purpose in PURPOSES)


def _purposes_of(tc_string: str) -> str:
    """Read the purposes agreed to out of a TC string (IAB Tech Lab, "Consent string and vendor list formats v2")."""
    core = tc_string[:_TC_CHARS_MAX].partition(".")[0]
    try:
        raw = base64.b64decode(core + "=" * (-len(core) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused(Reason.BAD_TEXT, "IABTCF_TCString", "not base64url") from error
    bits = "".join(f"{byte:08b}" for byte in raw)
    purposes = bits[_PURPOSES_AT : _PURPOSES_AT + _PURPOSES_BITS]
    if len(purposes) < _PURPOSES_BITS or int(bits[:_VERSION_BITS], 2) != _VERSION:
        raise Refused(Reason.BAD_TEXT, "IABTCF_TCString", f"expected a TC string of version {_VERSION}")
    return purposes
