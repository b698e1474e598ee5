"""`reasons.yaml`: the sentences that tell customers why a message came, and what the links of control are called."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from streamproc.core.channels.sms import STOP
from streamproc.core.locales import LOCALE, fallbacks, is_locale
from streamproc.core.policy.channels import CONTROLS
from streamproc.core.policy.document import Node
from streamproc.core.policy.fields import Fields
from streamproc.core.policy.kinds import CODES, LATER_CODES
from streamproc.core.policy.problems import Findings, listed
from streamproc.core.policy.shape import ByName, Key, Shape, Text

REASON_CHARS_MAX: Final = 120
LABEL_CHARS_MAX: Final = 24
STOP_CHARS_MAX: Final = 60
STOP_RULE: Final = r"(.*\W)?STOP(\W.*)?"

_CODES_SAY: Final = {
    "viewed": "they looked at it",
    "cart": "it lies in their basket",
    "wishlist": "it is on their wish list",
    "purchased": "they bought something",
    "declared": "they told you what they like",
    "asked": "they asked to be told",
    "watching": "they wished for the item, or asked to be told of it",
    "visiting": "they are, or were lately, in a store",
    "opted_in": "they agreed to messages",
}
_LABELS_SAY: Final = {
    "why": "asks why the message came",
    "mute": "pauses such messages",
    "unsubscribe": "opts out of the channel",
}
REASONS: Final = Shape(
    "The sentences of one language.",
    {
        **{
            code: Key(
                f"The sentence for customers who get a message because {_CODES_SAY[code]}.",
                Text(REASON_CHARS_MAX),
            )
            for code in CODES
        },
        "labels": Key(
            "What the links of control are called.",
            Shape(
                "What the links of control are called.",
                {
                    name: Key(f"The link that {said}.", Text(LABEL_CHARS_MAX), required=True)
                    for name, said in _LABELS_SAY.items()
                }
                | {
                    STOP: Key(
                        "How to stop short messages by an answer, such as: Reply STOP to end. Without it, they"
                        " carry the link.",
                        Text(STOP_CHARS_MAX, STOP_RULE),
                    )
                },
            ),
        ),
    },
)
REASONS_FILE: Final = ByName(
    REASONS, LOCALE.pattern, says="The sentence that tells a customer why a message came, in each language."
)


@dataclass(frozen=True)
class Reasons:
    """What `reasons.yaml` says: by locale, a sentence for each code, and what the links of control are called."""

    sentences: dict[str, dict[str, str]] = field(default_factory=dict)
    labels: dict[str, dict[str, str]] = field(default_factory=dict)

    def lacks(self, locale: str, codes: Iterable[str]) -> list[str]:
        """Name the codes, and the labels, that cannot be said in the language of a locale."""
        chain = fallbacks(locale)
        missing = [code for code in codes if not any(code in self.sentences.get(one, ()) for one in chain)]
        return missing if any(one in self.labels for one in chain) else [*missing, "labels"]

    def sentence_of(self, locale: str, codes: Iterable[str]) -> str:
        """Say the sentence of each code in the language of a locale; empty where it lacks one."""
        tables = [self.sentences[one] for one in fallbacks(locale) if one in self.sentences]
        said = [next((table[code] for table in tables if code in table), "") for code in codes]
        return " ".join(said) if all(said) else ""

    def labels_of(self, locale: str) -> dict[str, str]:
        """Return what the links of control are called in the language of a locale; empty if that is not known."""
        return next((self.labels[one] for one in fallbacks(locale) if one in self.labels), {})


def read_reasons(node: Node, findings: Findings, locale: str) -> Reasons:
    """Read `reasons.yaml`; the default locale has all sentences and labels."""
    fields = Fields(node, findings)
    fields.require(locale)
    reasons = Reasons()
    for name in fields.keys:
        if not is_locale(name):
            fields.at(name, "is not a locale such as en or de-CH")
            continue
        if (sentences := fields.mapping(name, REASONS)) is None:
            continue
        if name == locale:
            sentences.require(*(code for code in CODES if code not in LATER_CODES), "labels")
        read = {code: sentences.text(code) for code in sentences.keys if code in CODES}
        reasons.sentences[name] = {code: sentence for code, sentence in read.items() if sentence}
        if (labels := sentences.mapping("labels")) is not None:
            found = {control: labels.text(control) for control in (*CONTROLS, STOP)}
            if (stop := found[STOP]) and not re.fullmatch(STOP_RULE, stop):
                labels.at(STOP, f"{stop!r} does not hold the word STOP, which networks and people look for")
            reasons.labels[name] = {control: label for control, label in found.items() if label}
    for name in reasons.sentences:
        if name != locale and (
            missing := reasons.lacks(
                name, [code for code in CODES if code in reasons.sentences.get(locale, CODES)]
            )
        ):
            line = fields.node.line_of(name)
            message = f"{name}: has no {listed(missing)}; campaigns that need it speak {locale} instead"
            findings.warn(node.file, line, message)
    return reasons
