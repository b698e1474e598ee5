"""The page of `policy preview --html`: one file, no script, nothing from a network."""

from __future__ import annotations

from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from streamproc.core.locales import fallbacks, speech
from streamproc.core.policy.model import Policy
from streamproc.core.preview import Preview, ShownChannel

__all__ = ["page"]

NAMES: Final = {
    "push": "Push",
    "email": "E-mail",
    "sms": "SMS",
    "in_app": "In the app",
    "web": "On the site",
    "in_store": "In the store",
}
RUNGS: Final = {"send": "as written", "soften": "softened"}

# Everything in it comes from a policy or an example, and is escaped; the mail's own HTML stands in a sandbox.
_PAGES: Final = Environment(
    loader=PackageLoader("streamproc.ops"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(shown: Preview, policy: Policy, asked: str = "") -> str:
    """Write a preview as a page; `asked` is the language that was asked for, the policy's own unless given."""
    language = asked or policy.locale
    return _PAGES.get_template("preview.html").render(
        shown=shown,
        policy=policy,
        asked=language,
        language=shown.channels[0].locale if shown.channels else language,
        names=NAMES,
        rungs=RUNGS,
        direction=lambda locale: speech(locale).direction,
        notes=lambda one: _notes(one, language),
    )


def _notes(one: ShownChannel, asked: str) -> list[str]:
    """Say of a channel what its name does not: its form, and that it speaks another language than was asked for."""
    form = [] if one.channel.form == one.channel.name else [one.channel.form.replace("_", " ")]
    spoken = (
        [] if one.locale in fallbacks(asked) else [f"in {one.locale}, since there are no words in {asked}"]
    )
    return form + spoken
