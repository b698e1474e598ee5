"""A policy by what people call it: a folder, a published version, or `config` for what is in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from streamproc.ops.commands.terminal import run, settings

if TYPE_CHECKING:
    from streamproc.flow.config_log import ConfigState
    from streamproc.settings import Settings

__all__ = ["IN_FORCE", "NamedPolicy", "find", "in_force", "is_folder", "published", "read"]

IN_FORCE: Final = "config"


@dataclass(frozen=True)
class NamedPolicy:
    """A policy's files, and how to call it: `policy/, 1f00c3d2a9b4`."""

    name: str
    version: str
    files: Mapping[str, str]


def is_folder(name: str) -> bool:
    """Tell whether a name is that of a folder. A version has no slash in it, and `config` is what is in force."""
    return name != IN_FORCE and ("/" in name or name == "." or Path(name).is_dir())


async def read(given: Settings) -> ConfigState:
    """Read `config` as it stands."""
    from streamproc.flow.config_log import read_config  # noqa: PLC0415

    return await read_config(str(given.kafka), given.topic_prefix)


def find(names: list[str]) -> list[NamedPolicy]:
    """Find policies by their names; `config` is read once, and only if one of them is there.

    Raises PolicyErrors for a folder that does not load and a version that is not there, and as `read` does.
    """
    state = given = None
    if not all(map(is_folder, names)):
        given = settings("kafka")
        state = run(read(given))
    return [_find(name, given, state) for name in names]


def _find(name: str, given: Settings | None, state: ConfigState | None) -> NamedPolicy:
    from streamproc.core.policy.problems import PolicyError, PolicyErrors  # noqa: PLC0415
    from streamproc.ops.policy_files import load_folder  # noqa: PLC0415

    if given is None or state is None or is_folder(name):
        try:
            loaded = load_folder(Path(name))
        except PolicyErrors as refused:
            # Two folders may be named: each error says in which it is.
            folder = name.rstrip("/")
            raise PolicyErrors(
                error if error.file == name else replace(error, file=f"{folder}/{error.file}")
                for error in refused.errors
            ) from refused
        return NamedPolicy(f"{name}, {loaded.version}", loaded.version, loaded.files)
    if name == IN_FORCE:
        return in_force(given, state)
    if name not in state.versions():
        held = ", ".join(state.versions()) or "none"
        raise PolicyErrors(
            [PolicyError(name, 0, f"is no folder and no version on config, which holds {held}")]
        )
    return published(state, name)


def in_force(given: Settings, state: ConfigState) -> NamedPolicy:
    """Return the policy that `config` names, else the one that workers start with."""
    from streamproc.core.policy.problems import PolicyError, PolicyErrors  # noqa: PLC0415
    from streamproc.ops.policy_files import default_policy  # noqa: PLC0415

    version = state.version()
    if version is None:
        loaded = default_policy(given.policy)
        return NamedPolicy(f"{loaded.version}, the workers' default", loaded.version, loaded.files)
    if version not in state.versions():
        raise PolicyErrors([PolicyError("config", 0, f"names the policy {version}, which is not there")])
    return published(state, version, f"{version}, in force")


def published(state: ConfigState, version: str, name: str = "") -> NamedPolicy:
    """Return a version that stands on `config`. Raises PolicyErrors if its document cannot be read."""
    from streamproc.core.policy.bundle import files_of  # noqa: PLC0415

    return NamedPolicy(name or version, version, files_of(state.values[f"policy/{version}"]))
