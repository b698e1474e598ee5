"""A policy as a folder of files: read it, and check it for its authors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from streamproc.core.plugins import Plugins
from streamproc.core.policy.document import FILE_CHARS_MAX
from streamproc.core.policy.examples import Example
from streamproc.core.policy.fields import duration_text
from streamproc.core.policy.loader import FILES_MAX, Loaded, load_all
from streamproc.core.policy.model import Policy
from streamproc.core.policy.problems import PolicyError, PolicyErrors
from streamproc.plugins import installed
from streamproc.settings import SettingsError
from streamproc.shipped import shipped_folder

__all__ = ["CampaignNote", "Report", "check", "default_policy", "load_files", "load_folder", "read_folder"]

_SUFFIXES: Final = (".yaml", ".yml")
_BYTES_PER_CHAR_MAX: Final = 4


@dataclass(frozen=True)
class CampaignNote:
    """What the check tells of one campaign. `warmup_ms` is how long a new rule sees less than its whole window."""

    id: str
    trigger: str
    channels: tuple[str, ...]
    enabled: bool
    warmup_ms: int
    examples: tuple[Example, ...]

    @property
    def warmup_text(self) -> str:
        """Say in a sentence when the rule works as written."""
        if not self.warmup_ms:
            return "works at once"
        return f"needs {duration_text(self.warmup_ms)} to warm up: until then its windows are not filled"


@dataclass(frozen=True)
class Report:
    """What the check found. `policy` is None if there are errors."""

    policy: Policy | None
    errors: tuple[PolicyError, ...]
    warnings: tuple[PolicyError, ...]
    campaigns: tuple[CampaignNote, ...]

    @property
    def is_sound(self) -> bool:
        """Tell whether the policy may be published, its examples aside."""
        return self.policy is not None


def read_folder(folder: Path) -> dict[str, str]:
    """Read the YAML files of a policy's folder: name relative to the folder, with `/`, to text.

    Other files and hidden ones are left out. Raises PolicyErrors for a missing folder and for unreadable files.
    """
    if not folder.is_dir():
        found = (
            "is no folder; name the one that holds channels.yaml"
            if folder.exists()
            else "there is no such folder"
        )
        raise PolicyErrors([PolicyError(str(folder), 0, found)])
    paths = [path for path in sorted(folder.rglob("*")) if path.suffix in _SUFFIXES]
    files: dict[str, str] = {}
    errors: list[PolicyError] = []
    if len(paths) > FILES_MAX:
        errors.append(PolicyError(str(folder), 0, f"has {len(paths)} files, {FILES_MAX} are allowed"))
    for path in paths[:FILES_MAX]:
        name = path.relative_to(folder).as_posix()
        if any(part.startswith(".") for part in name.split("/")):
            continue
        if path.is_dir():
            errors.append(PolicyError(name, 0, "is a folder, and its name is that of a file"))
            continue
        try:
            if (size_bytes := path.stat().st_size) > FILE_CHARS_MAX * _BYTES_PER_CHAR_MAX:
                errors.append(PolicyError(name, 0, f"the file has {size_bytes} bytes, too many for a policy"))
                continue
            files[name] = path.read_text("utf-8")
        except UnicodeDecodeError as error:
            errors.append(PolicyError(name, 0, f"is not UTF-8: byte {error.start}"))
        except OSError as error:
            errors.append(PolicyError(name, 0, f"cannot be read: {error.strerror}"))
    if errors:
        raise PolicyErrors(errors)
    return files


def load_files(files: Mapping[str, str], plugins: Plugins | None = None) -> Loaded:
    """Load a policy from its files, with the plug-ins given, else those installed. Raises PolicyErrors."""
    return load_all(files, plugins=installed() if plugins is None else plugins)


def load_folder(folder: Path, plugins: Plugins | None = None) -> Policy:
    """Load the policy of a folder, with the plug-ins given, else those installed. Raises PolicyErrors."""
    return load_files(read_folder(folder), plugins).policy


def default_policy(folder: Path | None, plugins: Plugins | None = None) -> Policy:
    """Load the policy used while `config` names none: this folder's, else the shipped one.

    Raises SettingsError with every error of its files.
    """
    try:
        return load_folder(folder or shipped_folder("policy"), plugins)
    except PolicyErrors as error:
        raise SettingsError([f"STREAMPROC_POLICY: {one}" for one in error.errors]) from error


def check(folder: Path) -> Report:
    """Check a policy's folder: all errors and warnings, and what its campaigns need. Examples are not run here."""
    try:
        loaded = load_files(read_folder(folder))
    except PolicyErrors as refused:
        return Report(None, tuple(refused.errors), (), ())
    notes = tuple(
        CampaignNote(
            id=campaign.id,
            trigger=campaign.trigger.kind,
            channels=campaign.channels,
            enabled=campaign.enabled,
            warmup_ms=loaded.warmup_ms[campaign.id],
            examples=loaded.examples[campaign.id],
        )
        for campaign in loaded.policy.campaigns.values()
    )
    return Report(loaded.policy, (), loaded.warnings, notes)
