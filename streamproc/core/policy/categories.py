"""`categories.yaml`: groups of items, and how private each is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal, cast

from streamproc.core.facts import CATEGORY_PURPOSE_PREFIX
from streamproc.core.locales import LOCALE, is_locale
from streamproc.core.policy.caps import CAPS, DAY_MS, read_caps
from streamproc.core.policy.document import Node
from streamproc.core.policy.fields import NAME, NAME_RULE, Fields
from streamproc.core.policy.model import DEFAULT_CATEGORY, FROM_ITEM, NO_CATEGORY, Category
from streamproc.core.policy.problems import Findings
from streamproc.core.policy.shape import ByName, Choice, Duration, Flag, Key, ListOf, Shape, Text
from streamproc.core.policy.traits import WORD, words_of

Sensitivity = Literal["none", "mild", "intimate", "special"]
SENSITIVITIES: Final = ("none", "mild", "intimate", "special")
CATEGORIES_MAX: Final = 500
NAME_CHARS_MAX: Final = 60
# By the names that people give them, whatever else a file says of them: Article 9 of the GDPR, and who is with child.
SPECIAL_BY_LAW: Final = ("health", "pregnancy", "faith", "religion", "sexuality", "ethnicity", "politics")
RESERVED: Final = (DEFAULT_CATEGORY, FROM_ITEM, NO_CATEGORY, "none")
REPURCHASE_MS_MAX: Final = 3_650 * DAY_MS

_OF_ANY: Final = {
    "sensitivity": Key(
        "How private it is that somebody looks at these items; special needs a consent of its own.",
        Choice(SENSITIVITIES, "a sensitivity"),
        looser="less",
    ),
    "gift_prone": Key(
        "Often bought for others, so that a shared device could spoil a surprise; false unless given.",
        Flag(default=False),
        looser="less",
        label="bought as a gift",
    ),
    "adults_only": Key(
        "Only for customers who are known to be of age; false unless given.",
        Flag(default=False),
        looser="less",
        label="for adults only",
    ),
    "caps": Key("How many messages about these items one customer may get.", CAPS, looser="more"),
}
CATEGORY: Final = Shape(
    "A group of items.",
    {
        "match": Key(
            "Patterns of category texts, in lower case; * stands for anything.",
            ListOf(Text(pattern="[^A-Z]*"), least=1),
            required=True,
        ),
        "sensitivity": replace(_OF_ANY["sensitivity"], required=True),
        **{name: _OF_ANY[name] for name in ("gift_prone", "adults_only")},
        "consent": Key(
            "The consent that a special category needs: category/ and its name.",
            Text(pattern=f"{CATEGORY_PURPOSE_PREFIX}{NAME.pattern}"),
        ),
        "traits": Key(
            "Words by which a trait's name tells of it, such as faith in predicted_faith; * stands for any letters.",
            ListOf(Text(NAME_CHARS_MAX, pattern=WORD), least=1),
            looser="less",
            label="words of traits",
        ),
        "repurchase": Key(
            "How long a customer who bought one needs no other.",
            Duration(DAY_MS, REPURCHASE_MS_MAX),
            looser="less",
            label="silence after a purchase",
        ),
        "caps": _OF_ANY["caps"],
        "names": Key(
            "What customers call it, by language; in the default one its own name unless given.",
            ByName(Text(NAME_CHARS_MAX), LOCALE.pattern),
        ),
    },
)
CATEGORIES_FILE: Final = Shape(
    "Groups of items, and how private each is.",
    {
        "default": Key(
            "What an item that fits no group counts as.",
            Shape("What an item that fits no group counts as.", _OF_ANY),
            required=True,
        ),
        "categories": Key(
            "The groups, by name.", ByName(CATEGORY, NAME.pattern, CATEGORIES_MAX, NAME_RULE), required=True
        ),
    },
)


@dataclass(frozen=True)
class Categories:
    """What `categories.yaml` says."""

    categories: dict[str, Category] = field(default_factory=dict)
    default: Category = field(default_factory=lambda: Category(DEFAULT_CATEGORY))


def read_categories(node: Node, findings: Findings, locale: str) -> Categories:
    """Read `categories.yaml`; `locale` is the default one."""
    fields = Fields(node, findings, CATEGORIES_FILE)
    default = Category(DEFAULT_CATEGORY)
    if (unknown := fields.mapping("default")) is not None:
        default = _category(DEFAULT_CATEGORY, unknown)
        if default.sensitivity == "special":
            unknown.at("sensitivity", "the default cannot be special: no consent could be asked for it")
        elif "sensitivity" in unknown and default.sensitivity in ("none", "mild"):
            said = f"{default.sensitivity} is less than intimate: what fits no group may be anything"
            unknown.at("sensitivity", said)
    categories: dict[str, Category] = {}
    if (listed := fields.mapping("categories")) is not None:
        if len(listed.keys) > CATEGORIES_MAX:
            fields.at("categories", f"has {len(listed.keys)} categories, {CATEGORIES_MAX} are allowed")
        for name in listed.keys:
            if (
                listed.is_name(name, reserved=RESERVED)
                and (one := listed.mapping(name, CATEGORY)) is not None
            ):
                names = {locale: name.replace("_", " "), **_names(one)}
                categories[name] = replace(_named(name, one), names=names)
        _refuse_shared_patterns(listed, categories)
    return Categories(categories, default)


def _category(name: str, fields: Fields) -> Category:
    """Read what any group says, the default one too."""
    sensitivity = fields.choice("sensitivity") or "intimate"
    return Category(
        name=name,
        sensitivity=cast("Sensitivity", sensitivity),
        gift_prone=fields.flag("gift_prone"),
        adults_only=fields.flag("adults_only"),
        caps=read_caps(fields),
    )


def _named(name: str, fields: Fields) -> Category:
    category = _category(name, fields)
    consent = fields.text("consent")
    if name in SPECIAL_BY_LAW and "sensitivity" in fields and category.sensitivity != "special":
        message = f"{category.sensitivity} is less than special, which {name} is by law"
        fields.at("sensitivity", f"{message}; then it needs consent: {CATEGORY_PURPOSE_PREFIX}{name}")
    expected = f"{CATEGORY_PURPOSE_PREFIX}{name}"
    if category.sensitivity == "special" and "consent" not in fields:
        fields.error(fields.node, f"a special category needs a consent of its own: consent: {expected}")
    if consent is not None and (category.sensitivity != "special" or consent != expected):
        fields.at("consent", f"{consent!r} is not allowed; only a special category has one, {expected}")
    match = fields.texts("match")
    for pattern in match:
        if pattern != pattern.lower():
            fields.at("match", f"{pattern!r} can never match: categories are compared in lower case")
    if "match" in fields and not match:
        fields.at("match", "names no pattern")
    return replace(
        category,
        match=match,
        consent=consent,
        repurchase_ms=fields.duration("repurchase"),
        traits=_trait_words(fields),
    )


def _trait_words(fields: Fields) -> tuple[str, ...]:
    words = fields.texts("traits")
    for word in words:
        if words_of(word.replace("*", "x")) != word.replace("*", "x"):
            fields.at("traits", f"{word!r} can never match: words are in lower case and joined by _")
        elif not word.strip("*_"):
            fields.at("traits", f"{word!r} would match every name")
    if "traits" in fields and not words:
        fields.at("traits", "names no word")
    return words


def _names(fields: Fields) -> dict[str, str]:
    """Read what customers call the category, by locale."""
    found: dict[str, str] = {}
    if (names := fields.mapping("names")) is None:
        return found
    for locale in names.keys:
        if not is_locale(locale):
            names.at(locale, "is not a locale such as en or de-CH")
        elif name := names.text(locale, NAME_CHARS_MAX):
            found[locale] = name
    return found


def _refuse_shared_patterns(listed: Fields, categories: Mapping[str, Category]) -> None:
    """Refuse one pattern in two categories: which of them an item is in would hang on the order of lines."""
    owners: dict[str, str] = {}
    for category in categories.values():
        for pattern in category.match:
            owner = owners.setdefault(pattern, category.name)
            if owner != category.name:
                listed.at(category.name, f"the pattern {pattern!r} belongs to {owner} already")
