"""`translations/<locale>/<campaign>.yaml`: the words of a campaign in another language than the default one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from streamproc.core.locales import is_locale, speech
from streamproc.core.policy.campaigns import Parsed
from streamproc.core.policy.channels import Channels
from streamproc.core.policy.content_shape import TRANSLATION_FILE
from streamproc.core.policy.document import Node, read
from streamproc.core.policy.fields import Fields
from streamproc.core.policy.model import Copy
from streamproc.core.policy.problems import Findings, listed, nearest
from streamproc.core.policy.reasons import Reasons
from streamproc.core.policy.words import Wording, read_content

TRANSLATIONS: Final = "translations/"

# Campaign to locale to channel to copy.
Translated = dict[str, dict[str, dict[str, Copy]]]


def is_translation(name: str) -> bool:
    """Tell whether a file of a policy is a translation."""
    return name.startswith(TRANSLATIONS) and name.endswith(".yaml") and name.count("/") == 2  # noqa: PLR2004


def read_translations(
    files: Mapping[str, str],
    findings: Findings,
    parsed: Mapping[str, Parsed],
    reasons: Reasons,
    channels: Channels,
) -> Translated:
    """Read all translations of a policy's files.

    What is incomplete is a warning, and the default language stands in: for a channel whose words are not all there,
    and for the whole campaign where the reason cannot be said in that language. A message is in one language.
    """
    translated: Translated = {}
    for name in sorted(filter(is_translation, files)):
        locale, _, campaign = name.removeprefix(TRANSLATIONS).removesuffix(".yaml").partition("/")
        if not is_locale(locale):
            findings.error(name, 0, f"{locale!r} is not a locale such as en or de-CH")
        elif campaign not in parsed:
            if f"campaigns/{campaign}.yaml" not in files:
                known = nearest(campaign, parsed)
                findings.error(name, 0, f"there is no campaign {campaign!r} to translate{known}")
        elif locale == channels.locale:
            findings.error(
                name, 0, f"the words in {locale} stand in the campaign itself: it is the default locale"
            )
        elif (node := read(name, files[name], findings)) is not None:
            words = _content(node, findings, parsed[campaign], locale, channels)
            if missing := reasons.lacks(locale, parsed[campaign].campaign.because):
                message = (
                    f"reasons.yaml has no {listed(missing)} in {locale}; {channels.locale} is spoken instead"
                )
                findings.warn(name, 1, message)
            else:
                translated.setdefault(campaign, {})[locale] = words
    return translated


def _content(
    node: Node, findings: Findings, parsed: Parsed, locale: str, channels: Channels
) -> dict[str, Copy]:
    fields = Fields(node, findings, TRANSLATION_FILE)
    content = fields.mapping("content")
    if content is None:
        return {}
    campaign = parsed.campaign
    return read_content(
        content,
        Wording(
            campaign.channels,
            parsed.paths,
            speech(locale),
            channels,
            original=campaign.content.get(channels.locale, {}),
            discretion=parsed.discretion,
        ),
    )
