"""What operations switched off: everything, a channel or a campaign."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import msgspec

from streamproc.core.facts import CHANNELS

ALL = "all"
CHANNEL_PREFIX = "channel/"
CAMPAIGN_PREFIX = "campaign/"


class Switch(msgspec.Struct, frozen=True, omit_defaults=True):
    """The value of a switch on the `config` topic."""

    enabled: bool
    reason: str = ""
    by: str = ""
    at_ms: int = 0


UNREADABLE = Switch(enabled=False, reason="unreadable switch, taken as off")
_decoder = msgspec.json.Decoder(Switch)


def is_switch(key: str) -> bool:
    """Tell whether a key of the `config` topic is a switch; an unknown channel is one too, and does nothing."""
    return key == ALL or key.startswith((CHANNEL_PREFIX, CAMPAIGN_PREFIX))


def read_switch(value: bytes) -> Switch:
    """Read a switch; what cannot be read is off, because a mistyped "off" must not send."""
    try:
        return _decoder.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return UNREADABLE


@dataclass(frozen=True)
class Switches:
    """All switches after some position of the `config` topic. A switch that was never set, or was deleted, is on."""

    states: Mapping[str, Switch] = field(default_factory=dict)

    def fold(self, key: str, value: bytes | None) -> Switches:
        """Apply one record of the `config` topic; None, a tombstone, returns to the policy's own default."""
        states = dict(self.states)
        if value is None:
            states.pop(key, None)
        else:
            states[key] = read_switch(value)
        return replace(self, states=states)

    def off(self, key: str) -> Switch | None:
        """Return the switch under this key if it is off, else None."""
        switch = self.states.get(key)
        return switch if switch is not None and not switch.enabled else None

    def all_off(self) -> Switch | None:
        """Return the switch over everything if it is off."""
        return self.off(ALL)

    def channel_off(self, channel: str) -> Switch | None:
        """Return the channel's switch if it is off."""
        return self.off(CHANNEL_PREFIX + channel)

    def of_campaign(self, *names: str) -> Switch | None:
        """Return the campaign's switch: the one under the first of its names, the present first, that has any.

        So a campaign that was paused under a former name stays paused, until it is resumed under the present one.
        """
        for name in names:
            switch = self.states.get(CAMPAIGN_PREFIX + name)
            if switch is not None:
                return switch
        return None

    def campaign_off(self, *names: str) -> Switch | None:
        """Return the switch of the campaign with these names, as `of_campaign` does, if it is off."""
        switch = self.of_campaign(*names)
        return switch if switch is not None and not switch.enabled else None


def channel_states(switches: Switches) -> dict[str, Switch]:
    """List every channel with its switch, on where none was set: what `channel list` prints."""
    on = Switch(enabled=True)
    return {name: switches.states.get(CHANNEL_PREFIX + name, on) for name in CHANNELS}
