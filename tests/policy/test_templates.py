"""A text puts facts into words, as its language writes them, and does nothing else."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.locales import fallbacks, speech
from streamproc.core.policy.loader import load
from streamproc.core.policy.problems import PolicyErrors
from streamproc.core.policy.template import Forbidden, compile_template
from streamproc.core.values import FactValue, Money, shortened
from tests.policy.samples import CAMPAIGN, FILES


def filled(text: str, value: FactValue, locale: str = "en") -> str:
    return compile_template(text, speech(locale)).fill({"n": value}).replace("\xa0", " ")


ITEMS = '{{ n | plural(one="# item waits", other="# items wait") }}'
POLISH = '{{ n | plural(one="# rzecz", few="# rzeczy", many="# rzeczy!", other="# rzeczy?") }}'


@pytest.mark.parametrize(
    ("text", "value", "locale", "expected"),
    [
        (ITEMS, 1, "en", "1 item waits"),
        (ITEMS, 2, "en", "2 items wait"),
        (ITEMS, 1_234, "de", "1.234 items wait"),
        (POLISH, 1, "pl", "1 rzecz"),
        (POLISH, 3, "pl", "3 rzeczy"),
        (POLISH, 5, "pl", "5 rzeczy!"),
        (POLISH, 2.5, "pl", "2,5 rzeczy?"),
        ('{{ n | plural(one="an item", other="items") }}', 1, "en", "an item"),
        ("{{ n }}", 1985, "en", "1985"),
        ("{{ n }}", 41.5, "de", "41,5"),
        ("{{ n | number }}", 1234567, "en", "1,234,567"),
        ("{{ n | number }}", 1234567, "de-CH", "1’234’567"),
        ("{{ n }}", Money(123_450, "EUR"), "en", "€1,234.50"),
        ("{{ n | money }}", Money(123_450, "EUR"), "de", "1.234,50 €"),
        ("{{ n | money }}", Money(1_234, "JPY"), "en", "¥1,234"),
        ("{{ n | money }}", Money(1_234, "KWD"), "en", "KWD 1.234"),
        ("{{ n | money }}", Money(1_234, "IQD"), "en", "IQD 1.234"),
        ("{{ n }}", date(2026, 11, 30), "en-GB", "30 November 2026"),
        ("{{ n | date }}", date(2026, 11, 30), "en", "November 30, 2026"),
        ('{{ n | date("day") }}', date(2026, 11, 30), "de", "30. November"),
        ('{{ n | date("short") }}', date(2026, 11, 30), "de", "30.11.26"),
        ("A {{ n }} and {{ n }}.", "coat", "en", "A coat and coat."),
        ("{# aside #}x", "", "en", "x"),
    ],
)
def test_a_fact_is_written_as_its_language_does(
    text: str, value: FactValue, locale: str, expected: str
) -> None:
    assert filled(text, value, locale) == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (ITEMS, "many"),
        (ITEMS, True),
        ("{{ n | number }}", "3"),
        ("{{ n | number }}", float("nan")),
        ("{{ n | number }}", 10**80),
        ("{{ n | money }}", 3),
        ("{{ n | date }}", "2026-11-30"),
    ],
)
def test_a_value_that_a_filter_cannot_write_is_an_error_and_not_a_guess(text: str, value: FactValue) -> None:
    with pytest.raises((TypeError, ValueError, ArithmeticError)):
        filled(text, value)


DEEP = 30_000


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    [
        "{% for x in range(10**9) %}x{% endfor %}",
        "{% set x = 1 %}",
        "{% include 'x' %}",
        "{% raw",
        "{% macro a() %}{% endmacro %}",
        "{{ range(10**9) }}",
        "{{ 'a' * 10**9 }}",
        "{{ n * 10**9 }}",
        "{{ 9**9**9**9 }}",
        "{{ n ~ n }}",
        "{{ n.__class__ }}",
        "{{ n['__class__'] }}",
        "{{ n[0] }}",
        "{{ n | attr('__class__') }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ self._TemplateReference__context }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ n() }}",
        "{{ n if n else n }}",
        "{{ n | plural(one=n, other='b') }}",
        "{{ n | plural(**n) }}",
        "{{ n | plural(*n) }}",
        "{{ n | date(*n) }}",
        "{{ n | plural(other='a', **n) }}",
        "{{ n | plural(other='a', other='b') }}",
        "{{ n | plural('a') }}",
        "{{ n | plural }}",
        "{{ n | plural(one='a') }}",
        "{{ n | plural(few='a', other='b') }}",
        "{{ n | plural(other='a' * 10**9) }}",
        '{{ n | plural(other="a\\r\\nBcc: all@shop.example") }}',
        '{{ n | plural(other="\\x00") }}',
        "{{ n | number | number }}",
        "{{ n | number(2) }}",
        "{{ n | date('%Y', 'x') }}",
        "{{ n | date('sometimes') }}",
        "{{ n | money(currency='EUR') }}",
        "{{ n | format('%s') }}",
        "{{ [n] }}",
        "{{ 'text' }}",
        "{{ 7 }}",
        "{{ " + "(" * DEEP + "n" + ")" * DEEP + " }}",
        "{{ " + "[" * DEEP,
        "{{ " + "n." * DEEP + "n }}",
        "{{ " + "9" * DEEP + " }}",
        "{{ " + "n|number" * 3_000 + " }}",
        "{{ " + "-" * DEEP + "1 }}",
        "{{ not " * 3_000,
        "{{ n",
    ],
    ids=lambda text: text[:40],
)
def test_a_template_that_does_more_is_refused_and_never_run(text: str) -> None:
    with pytest.raises(Forbidden) as refused:
        compile_template(text, speech("en"))
    assert len(str(refused.value)) < 300


@given(st.text(alphabet="{}%#|()[]'\"\\n.*=,<> one plural", max_size=80))
def test_any_text_compiles_or_is_refused(text: str) -> None:
    try:
        template = compile_template(text, speech("en"))
    except Forbidden:
        return
    assert len(template.fill(dict.fromkeys(template.uses, "x"))) <= template.chars + text.count("{{")


def test_what_is_filled_in_is_never_read_as_a_template() -> None:
    assert filled("{{ n }}", "{{ n }}{% for %}") == "{{ n }}{% for %}"


def test_only_the_words_count_and_of_a_plural_the_longest() -> None:
    assert compile_template(f"Hi {{{{ name }}}} {ITEMS}", speech("en")).chars == 4 + len("# items wait")


@pytest.mark.parametrize(
    ("locale", "expected"),
    [
        ("de_CH", ("de-CH", "de-Latn-CH", "de-Latn", "de")),
        ("en_US.UTF-8", ("en-US", "en-Latn-US", "en-Latn", "en")),
        ("zh-tw", ("zh-TW", "zh-Hant-TW", "zh-Hant")),
        ("zh-Hant-TW", ("zh-TW", "zh-Hant-TW", "zh-Hant")),
        ("sr-Latn-RS", ("sr-Latn-RS", "sr-Latn")),
        ("", ()),
        ("../../etc/passwd", ()),
        ("x" * 1_000, ()),
    ],
)
def test_a_locale_falls_back_to_its_language_in_its_own_script(
    locale: str, expected: tuple[str, ...]
) -> None:
    assert fallbacks(locale) == expected


@given(st.text(max_size=30))
def test_any_locale_of_a_device_has_fallbacks_or_none(locale: str) -> None:
    assert len(fallbacks(locale)) <= 4


FAMILY = "👨‍👩‍👧‍👦"


@pytest.mark.parametrize(
    ("text", "chars_max", "expected"),
    [
        ("Wool coat", 9, "Wool coat"),
        ("Wool coat", 8, "Wool co…"),
        ("Wool coat", 6, "Wool…"),
        (f"ab{FAMILY}", 8, "ab…"),
        (f"{FAMILY}{FAMILY}", 8, f"{FAMILY}…"),
        (FAMILY, 5, ""),
        ("e\u0301e\u0301e\u0301", 4, "e\u0301…"),
        ("🇩🇪🇫🇷", 3, "🇩🇪…"),
        ("क्षिक्षि", 7, "क्षि…"),
    ],
)
def test_a_text_is_cut_between_what_people_see_as_characters(
    text: str, chars_max: int, expected: str
) -> None:
    assert shortened(text, chars_max) == expected


@given(st.text(), st.integers(1, 40))
def test_a_cut_text_fits_and_begins_as_it_did(text: str, chars_max: int) -> None:
    cut = shortened(text, chars_max)
    assert len(cut) <= chars_max
    assert cut == text or text.startswith(cut[:-1])


@pytest.mark.parametrize(
    ("path", "template", "error"),
    [
        ("trait.size", "{{ n | date }}", "date takes a date, and {{ n }} (trait.size) is a trait"),
        (
            "trait.size",
            "{{ n | money }}",
            "money takes an amount of money, and {{ n }} (trait.size) is a trait",
        ),
        ("trait.size", "{{ n | number }}", ""),
        (
            "cart.count",
            "{{ n | money }}",
            "money takes an amount of money, and {{ n }} (cart.count) is a number",
        ),
        ("cart.count", "{{ n | plural(other='#') }}", "plural lacks one, which en needs"),
        ("cart.value", "{{ n | money }}", ""),
        (
            "item.price",
            "{{ n | number }}",
            "number takes a number, and {{ n }} (item.price) is an amount of money",
        ),
    ],
)
def test_a_filter_takes_the_kind_of_fact_that_it_writes(path: str, template: str, error: str) -> None:
    campaign = CAMPAIGN.replace("item: item.name", f"n: {path}, item: item.name")
    campaign = campaign.replace('body: "{{ item }} is here."', f'body: "{template}"', 1)
    files = {**FILES, "campaigns/look.yaml": campaign}
    if not error:
        assert load(files).campaigns["look"].content["en"]["push"].say.uses.keys() == {"n"}
        return
    with pytest.raises(PolicyErrors) as refused:
        load(files)
    assert str(refused.value) == f"campaigns/look.yaml:16: content.push.say.body: {error}"
