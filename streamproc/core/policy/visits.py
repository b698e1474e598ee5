"""`overall.visits` in `channels.yaml`: what makes a visit of what beacons hear."""

from __future__ import annotations

from typing import Final

from streamproc.core.policy.caps import MINUTE_MS
from streamproc.core.policy.fields import Fields, duration_text
from streamproc.core.policy.model import Visits
from streamproc.core.policy.shape import Duration, Key, Shape, Whole

HOUR_MS: Final = 3_600_000
# Whoever triggers on one reading triggers on noise.
READINGS_MIN: Final = 2
READINGS_MAX: Final = 20
# What radios tell: -127 stands for not heard, and nothing is louder than a phone that lies on the beacon.
RSSI_DBM_MIN: Final = -126
_DEFAULT: Final = Visits()

VISITS: Final = Shape(
    "What makes a visit of what beacons hear; what is not given stays as it is.",
    {
        "silence": Key(
            f"Who is not heard for so long has left; {duration_text(_DEFAULT.silence_ms)} unless given.",
            Duration(MINUTE_MS, 12 * HOUR_MS),
            looser="less",
            label="silence that ends it",
            unsaid="neither",
        ),
        "rejoin": Key(
            "Who is heard again so soon after an exit never left; "
            f"{duration_text(_DEFAULT.rejoin_ms)} unless given.",
            Duration(1_000, HOUR_MS),
            looser="less",
            label="time to come back in",
            unsaid="neither",
        ),
        "dwell_min": Key(
            "The least time between the first reading and the latest; "
            f"{duration_text(_DEFAULT.dwell_min_ms)} unless given.",
            Duration(1_000, HOUR_MS),
            looser="less",
            label="least length",
            unsaid="neither",
        ),
        "readings_min": Key(
            f"The least readings, so that noise is no visit; {_DEFAULT.readings_min} unless given.",
            Whole(READINGS_MIN, READINGS_MAX),
            looser="less",
            label="least readings",
            unsaid="neither",
        ),
        "rssi_min": Key(
            f"The least strength, smoothed, at which somebody comes in, in dBm; {_DEFAULT.rssi_min_dbm} unless given.",
            Whole(RSSI_DBM_MIN, 0),
            looser="less",
            label="least strength",
            unsaid="neither",
        ),
        "rssi_margin": Key(
            "By how many dB another store must be louder to take over, and a store may be fainter for who is in; "
            f"{_DEFAULT.rssi_margin_db} unless given.",
            Whole(0, 40),
            label="margin of strength",
        ),
    },
)


def read_visits(overall: Fields) -> Visits:
    """Read what makes a visit; the defaults where nothing is said, or something is wrong."""
    fields = overall.mapping("visits")
    if fields is None:
        return _DEFAULT

    def lasts(key: str, default_ms: int) -> int:
        given_ms = fields.duration(key)
        return default_ms if given_ms is None else given_ms

    def number(key: str, default: int) -> int:
        given = fields.integer(key)
        return default if given is None else given

    visits = Visits(
        silence_ms=lasts("silence", _DEFAULT.silence_ms),
        rejoin_ms=lasts("rejoin", _DEFAULT.rejoin_ms),
        dwell_min_ms=lasts("dwell_min", _DEFAULT.dwell_min_ms),
        readings_min=number("readings_min", _DEFAULT.readings_min),
        rssi_min_dbm=number("rssi_min", _DEFAULT.rssi_min_dbm),
        rssi_margin_db=number("rssi_margin", _DEFAULT.rssi_margin_db),
    )
    if visits.rejoin_ms > visits.silence_ms:
        # Said at the key that stands there: the other one may be the default.
        key = "rejoin" if "rejoin" in fields else "silence"
        rejoin, silence = duration_text(visits.rejoin_ms), duration_text(visits.silence_ms)
        fields.at(key, f"an exit would be waited for longer, rejoin {rejoin}, than silence {silence}")
    return visits
