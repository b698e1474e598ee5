"""Google's consent mode: four signals, in several spellings, as one consent to processing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

# In the order in which the letters of `gcd` stand.
SIGNALS: Final = ("ad_storage", "analytics_storage", "ad_user_data", "ad_personalization")

Answers = tuple[tuple[str, bool | None], ...]

# gtag and the Measurement Protocol, BigQuery's export, and a tag manager's own state.
_WORDS: Final = {"granted": True, "yes": True, "true": True, "denied": False, "no": False, "false": False}
# BigQuery's export names one of the signals otherwise.
_ALIASES: Final = {"ads_storage": "ad_storage"}
# `gcs`: G1, then ad_storage and analytics_storage.
_GCS: Final = re.compile(r"G1([01-])([01-])")
_DIGITS: Final = {"1": True, "0": False}
# `gcd`: a letter a signal, between digits. Only it tells a choice (granted n r v, denied m q u) from what nobody chose:
# never set (l), granted or denied by a default (t, p).
_GCD: Final = re.compile(r"\d+([a-z])\d([a-z])\d([a-z])\d([a-z])\d\w*", re.IGNORECASE)
_LETTERS: Final = dict.fromkeys("nrv", True) | dict.fromkeys("mqu", False)
_CODE_CHARS_MAX: Final = 32


def processing_consent(
    stated: Mapping[str, Any] | None,
    state: Mapping[str, Any] | None = None,
    gcs: Any = None,
    gcd: Any = None,
) -> bool | None:
    """Return whether the customer agreed to be remembered and addressed personally; None if that is unknown.

    False if any of the four signals is denied. True if none is, and `analytics_storage` is granted (to be remembered)
    and `ad_personalization` too (to be addressed), for which `ad_storage` stands with senders that know only the two
    older signals. `stated` holds signals by name; `state` and `gcs` are what a tag manager takes to be in force, which
    counts a default as an answer: a readable `gcd` replaces both. What cannot be read says nothing.
    """
    answers = _chosen(gcd) if isinstance(gcd, str) and len(gcd) <= _CODE_CHARS_MAX else None
    if answers is None:
        answers = _named(state)
        if isinstance(gcs, str) and (digits := _GCS.fullmatch(gcs)) is not None:
            answers += tuple(zip(SIGNALS, map(_DIGITS.get, digits.groups()), strict=False))
    return _verdict(answers + _named(stated) if stated else answers)


@lru_cache(maxsize=1024)
def _chosen(gcd: str) -> Answers | None:
    letters = _GCD.fullmatch(gcd)
    return None if letters is None else tuple(zip(SIGNALS, map(_LETTERS.get, letters.groups()), strict=True))


def _named(values: Mapping[str, Any] | None) -> Answers:
    answers: list[tuple[str, bool | None]] = []
    for name, value in (values or {}).items():
        signal = _ALIASES.get(name, name)
        if signal in SIGNALS and value is not None:
            word = value.lower() if isinstance(value, str) else ""
            answers.append((signal, value if isinstance(value, bool) else _WORDS.get(word)))
    return tuple(answers)


@lru_cache(maxsize=1024)
def _verdict(answers: Answers) -> bool | None:
    if any(answer is False for _, answer in answers):
        return False
    granted = {name for name, answer in answers if answer}
    told = {name for name, _ in answers}
    personal = "ad_personalization" if "ad_personalization" in told else "ad_storage"
    return True if {"analytics_storage", personal} <= granted else None
