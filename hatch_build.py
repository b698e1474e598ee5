"""Put the shipped policy and topics into the wheel."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CustomBuildHook(BuildHookInterface[Any]):
    """Carry the top-level folders inside the package, where `streamproc.shipped` finds them.

    An editable install gets none: it finds them beside the package, and a copy would grow stale.
    """

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "standard":
            for folder in ("policy", "topics"):
                build_data["force_include"][folder] = f"streamproc/_shipped/{folder}"
