"""Read the settings of a process from its environment, and say everything that is wrong with them at once.

Every setting is an environment variable `STREAMPROC_<NAME>`. The Redis URL, which may hold a password, can
also stand in a file that `STREAMPROC_REDIS_URL_FILE` names; the ID key stands in a file only.
"""

import difflib
import os
import re
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

__all__ = ["Settings", "SettingsError", "load_settings", "setting_names", "split_address"]

_PREFIX: Final = "STREAMPROC_"
_UNIT_MS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION: Final = re.compile(r"([0-9]{1,9})(ms|s|m|h|d)")
_ADDRESS: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})")
_PORT_MAX: Final = 65_535
# Kubernetes sets these in every pod of a namespace that has a service named streamproc.
_SERVICE_LINK: Final = re.compile(r"SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_.*)?")

_MEANING: Final = {
    "kafka": "the Kafka brokers, HOST:PORT, several separated by commas",
    "redis_url": "where Redis is, as in redis://127.0.0.1:6379/0 (STREAMPROC_REDIS_URL_FILE: a file with it)",
    "id_key_file": "the file with the key that hides customer ids, 16 bytes or more, the same for all workers",
}


class SettingsError(Exception):
    """Carry every fault of a configuration, a line each, naming the environment variable."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


def split_address(address: str) -> tuple[str, int]:
    """Split `HOST:PORT` (an IPv6 host in brackets) into the host, without brackets, and the port.

    Raises ValueError where it is none.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None or int(match[2]) > _PORT_MAX:
        raise ValueError(f"{address!r} is no address: write HOST:PORT, as in 127.0.0.1:9464")
    return match[1].strip("[]"), int(match[2])


def _duration_ms(value: object) -> object:
    """Read a duration; a bare number has no unit and is refused rather than guessed at."""
    if not isinstance(value, str):
        return value
    match = _DURATION.fullmatch(value.strip())
    if match is None:
        raise ValueError(
            f"{value!r} is no duration: write a number and its unit, as in 250ms, 5s, 5m, 24h or 7d"
        )
    return int(match[1]) * _UNIT_MS[match[2]]


def _duration_text(duration_ms: int) -> str:
    """Write a duration in the largest unit that divides it, as `_duration_ms` reads it."""
    unit = next(u for u in reversed(_UNIT_MS) if duration_ms % _UNIT_MS[u] == 0)
    return f"{duration_ms // _UNIT_MS[unit]}{unit}" if duration_ms else "0s"


def _address(value: str) -> str:
    split_address(value)
    return value


def _brokers(value: str) -> str:
    for broker in value.split(","):
        if _ADDRESS.fullmatch(broker) is None:
            raise ValueError(f"{broker!r} is no broker: write HOST:PORT, several separated by commas")
    return value


def _redis_url(value: str) -> str:
    # The value may hold a password, so no message repeats it.
    if urlsplit(value).scheme not in {"redis", "rediss", "unix"}:
        raise ValueError("no Redis URL: it begins with redis://, rediss:// or unix://")
    return value


_DurationMs = Annotated[int, BeforeValidator(_duration_ms)]
_Address = Annotated[str, AfterValidator(_address)]


class Settings(BaseSettings):
    """What a process is told from outside. Immutable.

    `load_settings` is the way to make one: it reports all faults at once.
    """

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, env_ignore_empty=True, frozen=True, extra="forbid", populate_by_name=True
    )

    kafka: Annotated[str, AfterValidator(_brokers)] | None = None
    redis_url: Annotated[str, AfterValidator(_redis_url)] | None = Field(default=None, repr=False)
    id_key_file: Path | None = None
    group: str = Field(default="streamproc", pattern=r"^[A-Za-z0-9._-]{1,100}$")
    topic_prefix: str = Field(default="", pattern=r"^[A-Za-z0-9._-]{0,100}$")
    policy: Path | None = None
    """The folder used while `config` names no policy; the one that ships where unset."""
    clock: Literal["wall", "record"] = "wall"
    event_age_max_ms: _DurationMs = Field(86_400_000, gt=0, validation_alias=f"{_PREFIX}EVENT_AGE_MAX")
    event_ahead_max_ms: _DurationMs = Field(300_000, ge=0, validation_alias=f"{_PREFIX}EVENT_AHEAD_MAX")
    context_days: int = Field(default=90, ge=1, le=3_650)
    unit_events_max: int = Field(default=4_000, ge=1, le=10_000)
    fetch_wait_ms: int = Field(default=20, ge=0, le=5_000)
    session_timeout_ms: _DurationMs = Field(30_000, ge=1_000, validation_alias=f"{_PREFIX}SESSION_TIMEOUT")
    rebalance_timeout_ms: _DurationMs = Field(
        30_000, ge=1_000, validation_alias=f"{_PREFIX}REBALANCE_TIMEOUT"
    )
    tell_per_second: int = Field(default=1_000, ge=1, le=100_000)
    metrics_addr: _Address = "127.0.0.1:9464"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic's.
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read arguments, then the environment: no file lying about changes a setting."""
        return init_settings, env_settings

    def require(self, *names: Literal["kafka", "redis_url", "id_key_file"]) -> tuple[str, ...]:
        """Return these settings' values, in order.

        Raises SettingsError that names every one of them that is not set.
        """
        values = [getattr(self, name) for name in names]
        missing = [name for name, value in zip(names, values, strict=True) if value is None]
        if missing:
            raise SettingsError([f"{_variable(name)} is not set: {_MEANING[name]}" for name in missing])
        return tuple(str(value) for value in values)

    def redacted(self) -> dict[str, str]:
        """Return every setting by its variable's name, written as one would write it, without a password.

        A setting that is not set is an empty string.
        """
        shown: dict[str, str] = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            if value is None:
                text = ""
            elif _is_duration(name):
                text = _duration_text(value)
            elif name == "redis_url":
                text = _without_password(value)
            else:
                text = str(value)
            shown[_variable(name)] = text
        return shown


def _is_duration(field_name: str) -> bool:
    """Tell settings that are written with their unit from those whose name carries it (`FETCH_WAIT_MS`)."""
    return field_name.endswith("_ms") and not _variable(field_name).endswith("_MS")


def _variable(field_name: str) -> str:
    alias = Settings.model_fields[field_name].validation_alias
    return alias if isinstance(alias, str) else _PREFIX + field_name.upper()


def _without_password(url: str) -> str:
    scheme, _, rest = url.partition("://")
    place, asked, _ = rest.partition("?")
    credentials, at, host = place.rpartition("@")
    user = credentials.partition(":")[0]
    # redis-py also takes `?password=`, so nothing of a query is shown.
    return f"{scheme}://" + (f"{user}:***@" if at else "") + host + ("?***" if asked else "")


def setting_names() -> frozenset[str]:
    """Return the name of every environment variable that is read."""
    return frozenset(map(_variable, Settings.model_fields)) | {f"{_PREFIX}REDIS_URL_FILE"}


def load_settings() -> Settings:
    """Read the settings from the environment.

    Raises SettingsError with every fault: wrong values, unknown `STREAMPROC_` names, a secret that is given
    twice or whose file cannot be read. What a command needs and is not set, `Settings.require` reports.
    """
    faults = _unknown_names()
    redis_url = _redis_url_from_file(faults)
    settings: Settings | None = None
    try:
        settings = Settings() if redis_url is None else Settings(redis_url=redis_url)
    except ValidationError as error:
        faults += [_fault(str(e["loc"][0]), e["msg"], e["input"]) for e in error.errors(include_url=False)]
    if settings is None or faults:
        raise SettingsError(faults)
    return settings


def _unknown_names() -> list[str]:
    known = setting_names()
    faults = []
    for name in sorted(os.environ):
        rest = name.upper().removeprefix(_PREFIX)
        if not name.upper().startswith(_PREFIX) or name.upper() in known or _SERVICE_LINK.fullmatch(rest):
            continue
        near = difflib.get_close_matches(name.upper(), known, n=1)
        faults.append(f"{name} is no setting" + (f": did you mean {near[0]}?" if near else ""))
    return faults


def _redis_url_from_file(faults: list[str]) -> str | None:
    """Return the Redis URL that a file holds, if one is named, adding what is wrong with that to `faults`."""
    variable = f"{_PREFIX}REDIS_URL_FILE"
    path = os.environ.get(variable)
    if not path:
        return None
    if os.environ.get(f"{_PREFIX}REDIS_URL"):
        faults.append(f"{variable} and {_PREFIX}REDIS_URL are both set: set one")
        return None
    try:
        return Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        faults.append(f"{variable} names {path}, which cannot be read: {error}")
        return None


def _fault(field_name: str, message: str, value: object) -> str:
    variable = field_name if field_name.startswith(_PREFIX) else _variable(field_name)
    text = message.removeprefix("Value error, ")
    if field_name == "redis_url" or repr(value) in text:
        return f"{variable}: {text}"
    return f"{variable}: {text}, but it is {value!r}"
