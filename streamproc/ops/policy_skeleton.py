"""A campaign to begin with: a commented file that passes the check as it is, beside the campaigns that are there."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from streamproc.core.creep.model import SHIPPED
from streamproc.core.policy.campaign_shape import CAMPAIGN
from streamproc.core.policy.content_shape import COPIES
from streamproc.core.policy.loader import Loaded
from streamproc.core.policy.model import Category, Policy
from streamproc.core.policy.problems import PolicyErrors
from streamproc.core.policy.shape import Shape
from streamproc.ops.policy_files import load_files
from streamproc.ops.try_examples import try_example

__all__ = ["CAMPAIGN_FILE", "skeleton"]

CAMPAIGN_FILE: Final = "campaigns/{name}.yaml"
MODELINE: Final = "# yaml-language-server: $schema=../schema/campaign.json\n"
COMMENT_COLUMNS: Final = 110
# Quiet ones first, which no quiet hours hold back: a first campaign should not be the loudest.
PREFERRED: Final = ("in_app", "web", "email", "push", "sms", "in_store")
PRIORITY: Final = 20
CAMPAIGNS_SHOWN: Final = 6
TRIGGERS: Final = ("product.viewed", "cart.item_added", "wishlist.added", "order.completed", "app.opened")


@dataclass(frozen=True)
class _Start:
    """What a skeleton may begin with: an event, and how an example makes it happen. `code` is the reason it implies.

    `after` is what must be done a minute later for it to happen.
    """

    kind: str
    step: str
    code: str
    with_item: bool
    after: str = ""


# Which of them suits depends on what speaks already: the first with which every example holds is taken.
STARTS: Final = (
    _Start("wishlist.added", "wish", "wishlist", with_item=True),
    _Start("product.viewed", "view", "viewed", with_item=True),
    _Start("cart.item_added", "add", "cart", with_item=True),
    _Start("app.opened", "open: app", "opted_in", with_item=False),
    _Start("visit.started", "enter: store-1", "visiting", with_item=False, after="range: store-1"),
)


def skeleton(name: str, loaded: Loaded, *, with_schema: bool) -> str | None:
    """Write a campaign of this name for a policy, with what it may use named in comments.

    It loads, its examples hold, and so do those of other campaigns that held before. None if no start is like that:
    then everything that it could begin with is spoken of already.
    """
    held = {
        (one.campaign, one.name)
        for examples in loaded.examples.values()
        for one in examples
        if try_example(loaded.policy, one).passed
    }
    for start in STARTS:
        text = (MODELINE if with_schema else "") + _written(name, loaded.policy, start)
        if _holds(name, text, loaded, held):
            return text
    return None


def _holds(name: str, text: str, loaded: Loaded, held: set[tuple[str, str]]) -> bool:
    try:
        extended = load_files({**loaded.policy.files, CAMPAIGN_FILE.format(name=name): text})
    except PolicyErrors:
        return False
    if len(extended.warnings) > len(loaded.warnings):
        return False
    examples = [one for examples in extended.examples.values() for one in examples]
    needed = [one for one in examples if one.campaign == name or (one.campaign, one.name) in held]
    return all(try_example(extended.policy, one).passed for one in needed)


def _written(name: str, policy: Policy, start: _Start) -> str:
    channel = next(one for one in PREFERRED if one in policy.channels)
    item = ", ".join(_item(policy)) if start.with_item else ""
    steps = f"{{at: 0m, {f'{start.step}: {item}' if start.with_item else start.step}}}"
    if start.after:
        steps += f", {{at: 1m, {start.after}}}"
    sensed = ["sensing"] if start.code == "visiting" else []
    parts = [
        ("campaign", name, ""),
        ("helps", "You learn something worth knowing, at the moment when you can use it.", ""),
        ("purpose", "marketing", ""),
        ("priority", str(max(PRIORITY, policy.overall.priority_min)), _others(policy)),
        ("trigger", f"{{event: {start.kind}}}", f"Among them are {', '.join(TRIGGERS)}."),
        ("wait", "", "30m"),
        ("unless", "", "[order.completed]"),
        ("when", "", "{wishlist.count: {min: 1}}"),
        ("channels", f"[{channel}]", f"This policy has {_channels(policy)}."),
        ("category", "from_item" if start.with_item else "none", f"The groups are {_groups(policy)}."),
        ("facts", *(("{item: item.name}", "") if start.with_item else ("", "{wishes: wishlist.count}"))),
        ("because", f"[{start.code}]", ""),
        ("caps", "[{max: 1, rolling: 30d}]", ""),
    ]
    written = [_part(key, value, more) for key, value, more in parts]
    written.append(_content(channel, "{{ item }}" if start.with_item else ""))
    written.append(_examples(channel, sensed, steps, "1m" if start.after else "0m"))
    return f"# {name}: what it is for, in a line of your own.\n\n" + "\n".join(written)


def _part(key: str, value: str, more: str) -> str:
    """Write one key with what it means above it; without a value, as a comment, with an example of one."""
    says = f"{CAMPAIGN.keys[key].says} {more if value else ''}".strip()
    comment = textwrap.fill(
        says, COMMENT_COLUMNS, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False
    )
    return f"{comment}\n{key}: {value}\n" if value else f"{comment}\n# {key}: {more}\n"


def _content(channel: str, fact: str) -> str:
    lines = [_part("content", " ", "").rstrip(), f"  {channel}:"]
    for variant, said in (("say", f"{fact} " if fact else ""), ("soft", "")):
        words = COPIES[channel].keys[variant].value
        assert isinstance(words, Shape)
        fields = {key: _SAYS[key].format(said) for key in words.keys if key in _SAYS}
        lines.append(f"    # {words.says}")
        lines.append(f"    {variant}: {{{', '.join(f'{key}: {text}' for key, text in fields.items())}}}")
    return "\n".join(lines) + "\n"


_SAYS: Final = {
    "title": '"Good to know"',
    "subject": '"Good to know"',
    "body": '"{}Say here what is worth knowing."',
    "text": '"{}Say here what is worth knowing."',
    "action": "/",
}


def _examples(channel: str, sensed: list[str], steps: str, at: str) -> str:
    agreed = ", ".join([channel, *sensed])
    given, traits = steps, ""
    if channel == "in_store":
        # The staff are told of nobody who is new, or who does not use the app in the store.
        given = "{at: 0m, open: app}, " + steps.replace("at: 0m", "at: 15d").replace("at: 1m", "at: 21601m")
        at = {"0m": "15d", "1m": "21601m"}[at]
        traits = f"\n    traits: {{{SHIPPED.scales.expected_trait}: true}}"
    return (
        _part("examples", " ", "").rstrip()
        + f"""
  - name: somebody who agreed hears of it{traits}
    consents: [{agreed}]
    given: [{given}]
    expect: [{{at: {at}, channel: {channel}, rung: send}}]
  - name: somebody who did not agree hears nothing
    consents: [{", ".join(sensed)}]
    given: [{steps}]
    expect: []
"""
    )


def _item(policy: Policy) -> Iterator[str]:
    yield "item-1"
    yield "name: Some item"
    text = _category_text(policy)
    if text:
        yield f'category: "{text}"'


def _category_text(policy: Policy) -> str:
    """Return a category text of an item that is nobody's secret, as a shop would send it; empty if there is none."""
    open_ones = [one for one in policy.categories.values() if one.sensitivity == "none"]
    for category in open_ones:
        for pattern in category.match:
            text = pattern.replace("*", "").strip("/")
            if text and policy.find_category(text) is category:
                return text
    return ""


def _others(policy: Policy) -> str:
    ranked = sorted(policy.campaigns.values(), key=lambda one: -one.priority)[:CAMPAIGNS_SHOWN]
    floor = f"At least {policy.overall.priority_min} is needed." if policy.overall.priority_min else ""
    others = f"Here: {', '.join(f'{one.id} {one.priority}' for one in ranked)}." if ranked else ""
    return f"{others} {floor}".strip()


def _channels(policy: Policy) -> str:
    loud = sorted(policy.channels.values(), key=lambda one: -one.obtrusiveness)
    return ", ".join(f"{one.name} ({one.obtrusiveness:.2f})" for one in loud)


def _groups(policy: Policy) -> str:
    def note(category: Category) -> str:
        return (
            category.name if category.sensitivity == "none" else f"{category.name} ({category.sensitivity})"
        )

    return ", ".join(map(note, policy.categories.values())) or "none yet"
