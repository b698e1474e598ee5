"""What differs between two policies: file by file, in words.

Comments, the order of keys, and two ways to write one thing (`24h`, `1d`) are no difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from streamproc.core.policy import phrases
from streamproc.core.policy.campaign_shape import CAMPAIGN
from streamproc.core.policy.categories import CATEGORIES_FILE, CATEGORY
from streamproc.core.policy.channels import CHANNELS_FILE
from streamproc.core.policy.compare import NOTHING, Change, Place, Restraint, compare, shapes
from streamproc.core.policy.content_shape import TRANSLATION_FILE
from streamproc.core.policy.creep import CREEP_FILE
from streamproc.core.policy.document import Node, read
from streamproc.core.policy.model import TRANSACTIONAL
from streamproc.core.policy.phrases import listed, words
from streamproc.core.policy.problems import Findings, PolicyErrors
from streamproc.core.policy.reasons import REASONS_FILE
from streamproc.core.policy.shape import Key, Shape

__all__ = ["Change", "Restraint", "differences"]

_CAMPAIGNS: Final = "campaigns/"
_TRANSLATIONS: Final = "translations/"
_PARTS: Final = {"overall": "overall", "controls": "links of control"}
_TOLD: Final = frozenset({"helps", "when", "channels"})  # of a campaign, in one line


def differences(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[Change, ...]:
    """Tell how two policies differ, each given as its files: what holds over all first, campaigns last.

    Raises PolicyErrors for a file that cannot be read at all; whether a policy is sound is not looked at.
    """
    return tuple(compared(_read(old), _read(new)))


def compared(old: Mapping[str, Node], new: Mapping[str, Node]) -> Iterator[Change]:
    """Tell how the files of two policies differ, each read already."""
    for part in (_channels, _categories, _creep, _reasons, _campaigns, _translations):
        yield from part(old, new)


def _read(files: Mapping[str, str]) -> dict[str, Node]:
    findings = Findings()
    nodes = {name: read(name, text, findings) for name, text in files.items()}
    if findings.errors:
        raise PolicyErrors(findings.errors)
    return {name: node for name, node in nodes.items() if node is not None}


def _both(name: str, old: Mapping[str, Node], new: Mapping[str, Node]) -> tuple[Node, Node]:
    return old.get(name, NOTHING), new.get(name, NOTHING)


def _whole(
    place: Place, key: Key, old: Node | None, new: Node | None, restraint: Restraint = ""
) -> Iterator[Change]:
    """Compare two channels, categories or campaigns, one of which may not be there."""
    if old is not None and new is not None:
        yield from compare(place, key, old, new)
    elif new is not None:
        yield Change(place.part, place.path, f"new: {_summary(key, new)}", restraint, "new")
    elif old is not None:
        yield Change(place.part, place.path, f"gone; it was: {_summary(key, old)}", restraint, "gone")


def _summary(key: Key, node: Node) -> str:
    """Say in a line what a channel, a category or a campaign is."""
    shape = key.value
    assert isinstance(shape, Shape)
    if shape is CAMPAIGN:
        return _campaign_summary(node)
    told = {name: node.keys[name] for name in shape.keys if name in node.keys and name != "match"}
    parts = [phrases.said(shape, name, one) for name, one in told.items() if name != "caps"]
    return listed([*parts, *phrases.caps(told.get("caps"))])


def _campaign_summary(node: Node) -> str:
    told = {name: words(CAMPAIGN.keys[name].value, one) for name, one in node.keys.items() if name in _TOLD}
    when = f", when {told['when']}" if "when" in told else ""
    on = node.keys.get("trigger", NOTHING).keys.get("event", NOTHING).raw
    limits = listed(phrases.caps(node.keys.get("caps")))
    return f"{told.get('helps')} On {on}{when}; by {told.get('channels')}; {limits}{_liberties(node)}"


def _liberties(node: Node) -> str:
    """Say what a campaign need not ask for, empty of one that obeys all that marketing does."""
    if not _is_transactional(node):
        return ""
    names = [name for name in ("basis", "exempt_from", "counts") if name in node.keys]
    return "; ".join(["; without opt-in", *(phrases.said(CAMPAIGN, name, node.keys[name]) for name in names)])


def _is_transactional(node: Node) -> bool:
    return node.keys.get("purpose", NOTHING).raw == TRANSACTIONAL


def _channels(old: Mapping[str, Node], new: Mapping[str, Node]) -> Iterator[Change]:
    before, after = _both("channels.yaml", old, new)
    for name in ("overall", *(one for one in CHANNELS_FILE.keys if one != "overall")):
        key = CHANNELS_FILE.keys[name]
        was, now = before.keys.get(name), after.keys.get(name)
        if name != "channels":
            labels = () if name in _PARTS else (phrases.label(CHANNELS_FILE, name),)
            yield from compare(Place(_PARTS.get(name, "all campaigns"), name, labels), key, was, now)
            continue
        assert isinstance(key.value, Shape)
        for channel, one in key.value.keys.items():
            before_one, after_one = ((node or NOTHING).keys.get(channel) for node in (was, now))
            restraint: Restraint = "looser" if before_one is None else "tighter"
            place = Place(f"channel {channel}", f"channels.{channel}")
            yield from _whole(place, one, before_one, after_one, restraint)


def _categories(old: Mapping[str, Node], new: Mapping[str, Node]) -> Iterator[Change]:
    before, after = _both("categories.yaml", old, new)
    default = tuple(node.keys.get("default", NOTHING) for node in (before, after))
    yield from compare(Place("category default", "default"), CATEGORIES_FILE.keys["default"], *default)
    groups = tuple(node.keys.get("categories", NOTHING).keys for node in (before, after))
    for name in {**groups[0], **groups[1]}:
        place = Place(f"category {name}", f"categories.{name}")
        was, now = (group.get(name) for group in groups)
        # The items of a group that is not there count as the default category's.
        restraint = _turn(place, was or default[0], now or default[1])
        for change in _whole(place, Key("", CATEGORY), was, now, restraint):
            if change.path.endswith(".match") and was is not None and now is not None:
                # So do items that a pattern does not bring there any more, and did those that one brings now.
                came = change.kind == "new"
                turned = _turn(place, default[0], now) if came else _turn(place, was, default[1])
                yield replace(change, restraint=turned)
            else:
                yield change


def _turn(place: Place, old: Node, new: Node) -> Restraint:
    """Tell which way restraint moves for items that leave one group for another."""
    turns = {
        change.restraint for change in shapes(place, CATEGORY, old, new) if not change.path.endswith(".match")
    }
    return "looser" if "looser" in turns else "tighter" if "tighter" in turns else ""


def _creep(old: Mapping[str, Node], new: Mapping[str, Node]) -> Iterator[Change]:
    yield from shapes(Place("creep", "creep"), CREEP_FILE, *_both("creep.yaml", old, new))


def _reasons(old: Mapping[str, Node], new: Mapping[str, Node]) -> Iterator[Change]:
    yield from compare(Place("reasons", "reasons"), Key("", REASONS_FILE), *_both("reasons.yaml", old, new))


def _campaigns(old: Mapping[str, Node], new: Mapping[str, Node]) -> Iterator[Change]:
    before, after = (
        {
            name.removeprefix(_CAMPAIGNS).removesuffix(".yaml"): node
            for name, node in files.items()
            if name.startswith(_CAMPAIGNS)
        }
        for files in (old, new)
    )
    renamed = {name: _former(node, before, after) for name, node in after.items() if name not in before}
    gone = set(before) - set(renamed.values())
    for name in sorted(gone | set(after)):
        was, now = before.get(renamed.get(name) or name), after.get(name)
        place = Place(f"campaign {name}", f"campaigns.{name}")
        yield from _whole(place, Key("", CAMPAIGN), was, now, _liberty(was, now))


def _liberty(was: Node | None, now: Node | None) -> Restraint:
    """Tell which way restraint moves with a campaign that is new or gone: who needs no opt-in reaches everybody."""
    one = now or was
    if one is None or not _is_transactional(one):
        return ""
    return "tighter" if now is None else "looser"


def _former(node: Node, before: Mapping[str, Node], after: Mapping[str, Node]) -> str:
    """Return the name that a campaign had before, empty if it is new."""
    names = node.keys.get("formerly")
    if names is None:
        return ""
    former = [one.raw for one in names.items or (names,)]
    return next((name for name in former if name in before and name not in after), "")


def _translations(old: Mapping[str, Node], new: Mapping[str, Node]) -> Iterator[Change]:
    for name in sorted({*old, *new}):
        if name.startswith(_TRANSLATIONS):
            locale, _, campaign = name.removeprefix(_TRANSLATIONS).removesuffix(".yaml").partition("/")
            place = Place(f"campaign {campaign}", f"translations.{locale}.{campaign}", (f"in {locale}",))
            was, now = old.get(name), new.get(name)
            if was is None or now is None:
                says = "new" if was is None else "not any more; the default language stands in"
                yield Change(
                    place.part, place.path, f"{place.label}: {says}", kind="new" if was is None else "gone"
                )
            else:
                yield from compare(place, Key("", TRANSLATION_FILE), was, now)
