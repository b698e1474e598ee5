"""Every message is in one language, the customer's where all of it is there."""

from __future__ import annotations

import pytest

from streamproc.core.policy.loader import load, load_with_warnings
from streamproc.core.policy.model import Policy
from streamproc.core.policy.problems import PolicyErrors
from streamproc.core.render import frame_of, render
from streamproc.core.values import FactValue, Term
from tests.policy.samples import CAMPAIGN, CATEGORIES, FILES, GERMAN_REASONS, REASONS

PUSH = 'push: {say: {title: Hallo, body: "{{ item }} ist da."}, soft: {title: Hallo, body: Da.}}'
IN_APP = (
    'in_app: {say: {title: Hallo, body: "{{ item }} ist da."}, soft: {title: Hallo, body: Da., action: /da}}'
)
WHOLE = f"content:\n  {PUSH}\n  {IN_APP}\n"


def translated(words: str, locale: str = "de", reasons: str = GERMAN_REASONS) -> dict[str, str]:
    return {**FILES, "reasons.yaml": REASONS + reasons, f"translations/{locale}/look.yaml": words}


def warnings_of(files: dict[str, str]) -> list[str]:
    return [str(one) for one in load_with_warnings(files)[1] if one.file.startswith("translations")]


def content(
    policy: Policy, locale: str, channel: str, rung: str = "send", item: FactValue = "Coat"
) -> dict[str, object]:
    campaign, on = policy.campaigns["look"], policy.channels[channel]
    frame = frame_of(policy, campaign, on, locale, "0" * 32, 0)
    return render(campaign, on, rung, {"item": item}, frame)


def said(policy: Policy, locale: str, channel: str = "push", item: FactValue = "Coat") -> str:
    written = content(policy, locale, channel, item=item)
    return f"{written['locale']}: {written['body']}"


def test_a_whole_translation_speaks_to_its_own_language_and_its_regions() -> None:
    files = translated(WHOLE)
    assert warnings_of(files) == []
    policy = load(files)
    for locale in ("de", "de-CH", "de_AT.UTF-8"):
        assert said(policy, locale) == "de: Coat ist da. Sie haben es angesehen."
    for locale in ("en", "fr", "", "nonsense"):
        assert said(policy, locale) == "en: Coat is here. You looked at it."


def test_a_region_goes_before_its_language_and_borrows_its_reasons_and_labels() -> None:
    files = translated(WHOLE) | {"translations/de-CH/look.yaml": WHOLE.replace("ist da", "ist parat")}
    policy = load(files)
    assert said(policy, "de-CH") == "de-CH: Coat ist parat. Sie haben es angesehen."
    assert said(policy, "de-DE") == "de: Coat ist da. Sie haben es angesehen."
    assert policy.campaigns["look"].labels["de-CH"]["unsubscribe"] == "Abmelden"


def test_a_language_is_not_read_in_another_script() -> None:
    reasons = "zh-Hant:\n  viewed: 因為您看過它。\n  labels: {why: 為什麼, mute: 暫停, unsubscribe: 退訂}\n"
    policy = load(translated(WHOLE, "zh-Hant", reasons))
    assert [said(policy, locale)[:7] for locale in ("zh-TW", "zh_Hant_HK")] == ["zh-Hant", "zh-Hant"]
    assert said(policy, "zh-CN")[:3] == "en:"


@pytest.mark.parametrize(
    ("words", "warning"),
    [
        (f"content:\n  {PUSH}\n", "2: content: has no in_app; the default words stand in"),
        (
            f"content:\n  {PUSH}\n  in_app: {{say: {{title: Hallo, body: Da.}}}}\n",
            "3: content.in_app: has no soft; the default words stand in",
        ),
        (
            f"content:\n  {PUSH}\n  in_app: {{say: {{title: Hallo}}, soft: {{title: Hallo, body: Da.}}}}\n",
            "3: content.in_app.say: has no body; the default words stand in",
        ),
    ],
)
def test_a_channel_that_is_not_wholly_translated_speaks_the_default_language(
    words: str, warning: str
) -> None:
    files = translated(words)
    assert warnings_of(files) == [f"translations/de/look.yaml:{warning}"]
    assert said(load(files), "de", "in_app") == "en: Coat is here. You looked at it."
    assert said(load(files), "de") == "de: Coat ist da. Sie haben es angesehen."


@pytest.mark.parametrize(
    ("reasons", "missing"),
    [
        ("", "viewed, labels"),
        ("de:\n  viewed: Sie haben es angesehen.\n", "labels"),
        ('de:\n  labels: {why: "Warum?", mute: Pause, unsubscribe: Abmelden}\n', "viewed"),
    ],
)
def test_a_translation_whose_reason_cannot_be_said_is_not_used(reasons: str, missing: str) -> None:
    files = translated(WHOLE, reasons=reasons)
    assert warnings_of(files) == [
        f"translations/de/look.yaml:1: reasons.yaml has no {missing} in de; en is spoken instead"
    ]
    assert said(load(files), "de") == "en: Coat is here. You looked at it."


def test_a_translation_leads_where_the_original_leads_unless_it_says_otherwise() -> None:
    policy = load(translated(WHOLE))
    assert [content(policy, "de", "in_app", rung)["action_url"] for rung in ("send", "soften")] == [
        "/seen",
        "/da",
    ]


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("{{ item }}", "{{ ding }}", "{{ ding }} is not declared in facts; declared are item"),
        ("body: Da.}}", 'body: "{{ item }}"}}', "soft words may reveal a category at most"),
        ("{{ item }}", "{{ item | upper }}", "upper is not a filter"),
    ],
)
def test_a_translation_that_says_what_it_may_not_is_an_error(old: str, new: str, error: str) -> None:
    with pytest.raises(PolicyErrors) as refused:
        load(translated(WHOLE.replace(old, new, 1)))
    assert [
        f"translations/de/look.yaml:2: content.push.{path}: {error}" in str(refused.value)
        for path in (("soft.body",) if "soft" in error else ("say.body",))
    ] == [True]


@pytest.mark.parametrize("missing", ['say: {title: Hello, body: "{{ item }} is here."}, ', "title: Hello, "])
def test_the_default_language_must_be_complete(missing: str) -> None:
    assert missing in CAMPAIGN
    with pytest.raises(PolicyErrors) as refused:
        load({**FILES, "campaigns/look.yaml": CAMPAIGN.replace(missing, "", 1)})
    assert "campaigns/look.yaml:16: content.push" in str(refused.value)
    assert "is required" in str(refused.value)


def test_a_category_is_called_what_its_language_calls_it_or_is_not_named() -> None:
    named = CATEGORIES.replace('match: ["coats*"]', 'match: ["coats*"], names: {en: coats, de: Mäntel}')
    words = {name: text.replace("item.name", "item.category") for name, text in translated(WHOLE).items()}
    files = {**words, "categories.yaml": named}
    (warning,) = warnings_of(files)
    assert warning.startswith(
        "translations/de/look.yaml:1: categories.yaml has no names in de for shoes, preg"
    )
    policy = load(files)
    names = Term(policy.categories["coats"].names)
    assert said(policy, "de", item=names) == "de: Mäntel ist da. Sie haben es angesehen."
    assert said(policy, "en", item=names) == "en: coats is here. You looked at it."
    with pytest.raises(ValueError, match="fact_missing: item"):
        said(policy, "de", item=Term(policy.categories["shoes"].names))
