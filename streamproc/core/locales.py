"""Languages: which ones stand in for one another, and how each writes plurals, numbers, money and dates.

What is known of them is CLDR's, read through Babel.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Final, Literal

from babel import Locale
from babel.core import UnknownLocaleError, get_global
from babel.dates import format_date, format_skeleton
from babel.numbers import format_currency, format_decimal, get_currency_precision

from streamproc.core.money import scale_of
from streamproc.core.values import VALUE_CHARS_MAX, FactValue, Money, Term

LOCALE: Final = re.compile(r"([a-z]{2,3})(?:-([A-Z][a-z]{3}))?(?:-([A-Z]{2}|\d{3}))?")
DateStyle = Literal["short", "medium", "long", "full", "day"]
DATE_STYLES: Final = ("short", "medium", "long", "full", "day")
OTHER: Final = "other"
# CLDR sets a currency that is called by letters apart from its amount, which Babel leaves to us: KWD1.234.
_BESIDE: Final = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")
# Locales come from customers' devices, so the cache of what they mean is bounded; CLDR knows about 700.
_LOCALES_MAX: Final = 1_024
# Whole numbers up to here show every form that a language uses for counts of things; French "many" is for millions.
_COUNT_MAX: Final = 200


@lru_cache(_LOCALES_MAX)
def fallbacks(locale: str) -> tuple[str, ...]:
    """Return the locales that may stand in for one, the nearest first: `de_CH` gives `de-CH` and `de`.

    Any text is taken, as devices write it (`zh_tw`, `de-CH-1996`, `en_US.UTF-8`); what is no locale gives none. A
    language is never read in another script than its own: `zh-TW` finds `zh-Hant`, and not `zh`, which is simplified.
    """
    language, script, territory = _subtags(locale)
    if not language:
        return ()
    place = f"{language}-{territory}" if territory else ""
    usual, local = _script(language), _script(place) or _script(language)
    script = script or local
    chain = (
        place if script == local else "",
        f"{language}-{script}-{territory}" if script and territory else "",
        f"{language}-{script}" if script else "",
        language if script == usual else "",
    )
    return tuple(filter(None, chain))


def _subtags(locale: str) -> tuple[str, str, str]:
    """Split off language, script and territory, in the case in which CLDR writes them."""
    parts = re.split(r"[-_]", re.split(r"[.@]", locale, maxsplit=1)[0])
    language, rest = parts[0].lower(), parts[1:]
    script = rest.pop(0).title() if rest and re.fullmatch(r"[A-Za-z]{4}", rest[0]) else ""
    territory = rest[0].upper() if rest and re.fullmatch(r"[A-Za-z]{2}|\d{3}", rest[0]) else ""
    known = re.fullmatch(r"[a-z]{2,3}", language)
    return (language, script, territory) if known else ("", "", "")


def _script(tag: str) -> str:
    """Return the script that a language, perhaps in a territory, is most likely written in; empty if unknown."""
    likely = get_global("likely_subtags").get(tag.replace("-", "_"), "")
    return next((part for part in likely.split("_")[1:] if re.fullmatch("[A-Z][a-z]{3}", part)), "")


class Speech:
    """How one language writes. Raises ValueError for a locale that CLDR does not know."""

    def __init__(self, locale: str) -> None:
        self.name: Final = locale
        try:
            self._locale: Final = Locale.parse(locale, sep="-")
        except UnknownLocaleError as error:
            raise ValueError(f"CLDR knows no locale {locale}") from error
        # Reading a language's data from disk is for the loading of a policy, not for the first message.
        self.number(1)

    @property
    def direction(self) -> str:
        """Return `ltr` or `rtl`."""
        return self._locale.text_direction

    @cached_property
    def plurals(self) -> frozenset[str]:
        """Return the plural categories that this language knows."""
        return frozenset((*self._locale.plural_form.tags, OTHER))

    @cached_property
    def count_plurals(self) -> frozenset[str]:
        """Return the categories that counts of things need, and the one that stands in for the others."""
        return frozenset((*(self.plural(count) for count in range(_COUNT_MAX)), OTHER))

    def plural(self, number: float) -> str:
        """Return the plural category of a number: `one`, `few`, `other` ..."""
        return str(self._locale.plural_form(Decimal(str(number))))

    def number(self, value: float, *, grouped: bool = True) -> str:
        """Write a number; with its thousands set apart, or not."""
        number = Decimal(str(value))
        return _bounded(format_decimal(number, locale=self._locale, group_separator=grouped))

    def money(self, value: Money) -> str:
        """Write an amount with its currency; with the digits that are usual there, or all where it has more."""
        amount = Decimal(value.minor) / scale_of(value.currency)
        usual = amount.quantize(Decimal(1).scaleb(-get_currency_precision(value.currency)))
        written = format_currency(
            amount, value.currency, locale=self._locale, decimal_quantization=usual == amount
        )
        return _bounded(_BESIDE.sub("\xa0", written))

    def date(self, value: date, style: str = "long") -> str:
        """Write a date; the style `day` is the day and the month."""
        if style == "day":
            return _bounded(format_skeleton("MMMMd", value, locale=self._locale))
        return _bounded(format_date(value, style, locale=self._locale))

    def say(self, value: FactValue) -> str:
        """Write any value as this language does; a number without setting thousands apart, since it may be a year.

        Raises TypeError for what cannot be said as it stands.
        """
        if isinstance(value, str):
            return value
        if isinstance(value, Money):
            return self.money(value)
        if isinstance(value, date):
            return self.date(value)
        if isinstance(value, (Term, bool)):
            raise TypeError("not a value that can be said")
        return self.number(value, grouped=False)


def _bounded(text: str) -> str:
    """Return a written number. Raises ValueError for one that is longer than any value: cut, it would be untrue."""
    if len(text) > VALUE_CHARS_MAX:
        raise ValueError(f"{len(text)} of {VALUE_CHARS_MAX} characters")
    return text


def is_locale(text: str) -> bool:
    """Tell whether a text names a locale that CLDR knows, as CLDR writes it: `en`, `de-CH`, `zh-Hant-TW`."""
    if not LOCALE.fullmatch(text):
        return False
    try:
        return bool(speech(text))
    except ValueError:
        return False


@lru_cache(_LOCALES_MAX)
def speech(locale: str) -> Speech:
    """Return how a language writes. Raises ValueError for a locale that CLDR does not know."""
    return Speech(locale)
