"""The page on plug-ins, with its package really installed: found by its entry points, used by a policy, tested."""

from __future__ import annotations

import re
import shutil
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from streamproc.cli import app
from streamproc.core.plugin_view import Contender, View
from streamproc.core.plugins import PluginUnusable
from streamproc.core.policy.problems import PolicyErrors
from streamproc.core.record import Record
from streamproc.dry_run import DryRun
from streamproc.ingest.record_file import encode_record
from streamproc.ops.policy_files import load_folder
from streamproc.ops.replay import replay
from streamproc.plugins import CONDITIONS, RANKINGS, installed
from streamproc.shipped import shipped_folder
from streamproc.testing import Harness

PAGE = (Path(__file__).parents[1] / "docs" / "plugins.md").read_text("utf-8")
BLOCKS = dict(re.findall(r"<!-- (\S+) -->\n```\w+\n(.*?)```", PAGE, re.DOTALL))


def install(
    folder: Path, name: str, modules: dict[str, str], entry_points: dict[str, dict[str, str]]
) -> None:
    """Put a package where an installer would: its modules, and the metadata that names its entry points."""
    for module, text in modules.items():
        (folder / module).write_text(text, "utf-8")
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", "utf-8")
    groups = [
        "\n".join([f"[{group}]", *(f"{entry} = {value}" for entry, value in found.items())])
        for group, found in entry_points.items()
    ]
    (metadata / "entry_points.txt").write_text("\n\n".join(groups) + "\n", "utf-8")


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a folder on the path of modules, and forget afterwards what was imported from it."""
    folder = tmp_path / "packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if str(folder) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture
def policy(packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install the page's package, and give a policy that uses it, where the page's test looks for it."""
    project = tomllib.loads(BLOCKS["pyproject.toml"])["project"]
    install(packages, project["name"], {"shop_rules.py": BLOCKS["shop_rules.py"]}, project["entry-points"])
    folder = Path(shutil.copytree(shipped_folder("policy"), tmp_path / "policy"))
    (folder / "campaigns" / "thanks.yaml").write_text(BLOCKS["campaigns/thanks.yaml"], "utf-8")
    channels = (folder / "channels.yaml").read_text("utf-8")
    assert "overall:\n" in channels
    ranked = channels.replace("overall:\n", f"overall:\n  {BLOCKS['rank'].strip()}\n")
    (folder / "channels.yaml").write_text(ranked, "utf-8")
    monkeypatch.chdir(tmp_path)
    return folder


def test_every_block_of_the_page_says_what_it_is() -> None:
    assert len(BLOCKS) == PAGE.count("```") / 2


@pytest.mark.usefixtures("policy")
def test_the_page_s_own_test_holds() -> None:
    names: dict[str, Any] = {}
    exec(compile(BLOCKS["test_shop_rules.py"], "docs/plugins.md", "exec"), names)
    names["test_who_orders_every_week_is_thanked"]()


def test_the_check_runs_the_examples_of_a_campaign_that_asks_it(policy: Path) -> None:
    said = CliRunner().invoke(app, ["policy", "check", str(policy)], env={"COLUMNS": "300"})
    assert said.exit_code == 0, said.stdout
    assert "ok" in said.stdout
    assert "three orders, none long after" in said.stdout
    assert "thanks: on app.opened, by in_app; needs 90 d to warm up" in said.stdout


def test_the_page_s_ranking_lets_its_category_go_first(policy: Path) -> None:
    ranking = load_folder(policy).overall.ranking
    assert ranking is not None
    loud, coats = Contender("a", 9, "shoes", ("push",)), Contender("b", 1, "coats", ("push", "web"))
    scores = ranking.plugin.function(None, (loud, coats), **ranking.arguments)
    assert isinstance(scores, dict)
    assert scores["b"] > scores["a"]


class Recorded(Harness):
    """A harness that keeps what it was fed."""

    def __init__(self, policy: Path) -> None:
        super().__init__(policy)
        self.fed: list[Record] = []
        run = self._run.feed

        def keeping(record: Record) -> list[Record]:
            self.fed.append(record)
            return run(record)

        self._run.feed = keeping  # type: ignore[method-assign]


def test_a_replay_with_a_plug_in_gives_the_same_bytes_each_time(policy: Path) -> None:
    shop = Recorded(policy)
    shop.consent("c-17", "processing", "in_app")
    shop.profile("c-17", timezone="Europe/Berlin")
    for _ in range(3):
        shop.track("c-17", "Order Completed", products=[{"product_id": "pan-1", "category": "kitchen"}])
        shop.advance("7d")
    assert len(shop.track("c-17", "Application Opened")) == 1
    outcomes = []
    for _ in range(2):
        lines: list[bytes] = []
        replay(DryRun(load_folder(policy)), shop.fed, lines.append)
        outcomes.append(b"".join(lines))
    assert outcomes[0] == outcomes[1] == b"".join(encode_record(one) + b"\n" for one in shop.records)


def test_without_its_package_a_policy_is_refused_by_name(policy: Path, packages: Path) -> None:
    shutil.rmtree(packages / "shop-rules-1.0.dist-info")
    with pytest.raises(PolicyErrors, match="no plug-in 'regular' is installed; installed are none"):
        load_folder(policy)


def test_nothing_is_imported_before_a_policy_names_it(packages: Path) -> None:
    boom = {"boom.py": "raise RuntimeError('imported')"}
    install(packages, "boom", boom, {CONDITIONS: {"boom": "boom:rule"}, RANKINGS: {"boom": "boom:order"}})
    found = installed()
    assert set(found.conditions) == set(found.rankings) == {"boom"}
    with pytest.raises(PluginUnusable, match="boom:rule cannot be imported: RuntimeError: imported"):
        found.conditions["boom"]()


MODULE = """
from datetime import timedelta
from streamproc.plugins import condition
text = "no function"
@condition(reads=["product.vieved"])
def reads(view): ...
@condition(within=timedelta(days=91))
def looks_back(view): ...
def positional(view, days): ...
"""


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("text", "rules:text is no function"),
        ("missing", "rules:missing cannot be imported: AttributeError"),
        ("reads", "it reads 'product.vieved', which is no kind of event"),
        ("looks_back", "it looks back 91 days, events are remembered for 90"),
        ("positional", "its argument days must be keyword-only"),
    ],
)
def test_what_cannot_be_used_says_why(packages: Path, entry: str, expected: str) -> None:
    install(packages, "rules", {"rules.py": MODULE}, {CONDITIONS: {entry: f"rules:{entry}"}})
    with pytest.raises(PluginUnusable, match=expected):
        installed().conditions[entry]()


def test_two_packages_with_one_name_are_refused_and_so_is_a_name_that_no_policy_can_write(
    packages: Path,
) -> None:
    install(
        packages,
        "one",
        {"one.py": "def rule(view): ..."},
        {CONDITIONS: {"rule": "one:rule", "My-Rule": "one:rule"}},
    )
    install(packages, "two", {"two.py": "def rule(view): ..."}, {CONDITIONS: {"rule": "two:rule"}})
    with pytest.raises(PluginUnusable, match="2 packages bring one of this name: one:rule, two:rule"):
        installed().conditions["rule"]()
    with pytest.raises(PluginUnusable, match="'My-Rule' is not a name"):
        installed().conditions["My-Rule"]()


def test_the_page_names_all_that_a_view_shows() -> None:
    shown = [name for name in vars(View) if not name.startswith("_")]
    assert [name for name in shown if f"`{name}`" not in PAGE and f"`{name}(" not in PAGE] == []
    assert all(f"`{name}`" in PAGE for name in Contender.__dataclass_fields__)
