"""A plug-in that is too slow, in a real worker: off by itself, said aloud, and on again with another policy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from streamproc.core.policy.bundle import to_document
from streamproc.core.policy.loader import load
from streamproc.plugins import installed
from tests.core.shopper import VIEWED
from tests.e2e.installation import Installation, until
from tests.test_plugins_installed import install

pytestmark = pytest.mark.timeout(120)

SLOW = """
import time

def dawdles(view):
    time.sleep(0.003)
    return True
"""


def codes(decisions: list[Any]) -> list[str]:
    return [
        why["code"]
        for one in decisions
        for candidate in one["candidates"]
        for why in candidate.get("reasons", [])
    ]


async def test_a_slow_plug_in_is_off_until_another_policy_is_in_force(
    shop: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    install(
        packages,
        "slow",
        {"slow_rules.py": SLOW},
        {"streamproc.conditions": {"dawdles": "slow_rules:dawdles"}},
    )
    monkeypatch.setenv("PYTHONPATH", str(packages))
    monkeypatch.syspath_prepend(packages)
    path = shop.folder / "policy" / "campaigns" / "look.yaml"
    assert VIEWED in path.read_text()
    path.write_text(path.read_text().replace(VIEWED, f"{{all: [{VIEWED}, {{plugin.dawdles: {{}}}}]}}"))
    shop.policy = {
        one.relative_to(shop.folder / "policy").as_posix(): one.read_text()
        for one in (shop.folder / "policy").rglob("*.yaml")
    }
    first, second = ([f"{name}-{number}" for number in range(20)] for name in ("a", "b"))
    await shop.opt_in([*first, *second], "push")
    worker = shop.worker()
    await worker.ready()
    await shop.view(*first)
    await until(lambda: worker.metric("streamproc_plugins_off"), "the plug-in was not switched off")
    await shop.caught_up()
    spoken = len(await shop.nudges())
    assert 11 <= spoken <= 12  # Eleven slow calls tell; a unit may have ended just then.
    assert (
        "plug-in dawdles is switched off until a restart or a new policy, p99 > 1 ms: 11 of 11"
        in worker.tail()
    )
    await shop.view(*second)
    await shop.caught_up()
    assert len(await shop.nudges()) == spoken
    assert codes(await shop.values("decisions")).count("plugin_off") >= len(second)

    other = load(
        {**shop.policy, "campaigns/look.yaml": path.read_text().replace("priority: 40", "priority: 41")},
        plugins=installed(),
    )
    rows = [
        (f"policy/{other.version}", to_document(other)),
        ("policy", json.dumps({"version": other.version}).encode()),
    ]
    await shop.produce("config", rows, partition=0)

    async def is_on_again() -> bool:
        return not await worker.metric("streamproc_plugins_off")

    await until(is_on_again, "the plug-in stayed off under another policy")
    await shop.view(*second[:5])
    await shop.caught_up()
    assert len(await shop.nudges()) == spoken + 5
    await shop.holds()
