"""Every example in docs/policy.md loads, beside the policy that ships."""

from __future__ import annotations

import re
import runpy
import shutil
from pathlib import Path
from textwrap import indent

import pytest
from typer.testing import CliRunner

from streamproc.cli import app
from streamproc.core.creep.model import SHIPPED as SHIPPED_CREEP
from streamproc.core.facts_paths import FACT_PATHS
from streamproc.core.locales import speech
from streamproc.core.policy.json_schema import FILES as JSON_SHAPES
from streamproc.core.policy.loader import load_all
from streamproc.core.policy.model import Group, Pace, Spend, Visits, Wait
from streamproc.core.policy.template import FILTERS, compile_template
from streamproc.core.policy.visits import VISITS
from streamproc.core.policy.when import KEYS
from streamproc.ops.policy_files import load_folder
from tests.policy.samples import CAMPAIGN, FILES, changed, with_when
from tests.policy.shapes import keys_of

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "policy.md").read_text("utf-8")
CONDITIONS = re.findall(r"`(\{[a-z._]+: \{?[^`]*\})`", TEXT.split("## What a text")[0])
BLOCKS = dict(re.findall(r"<!-- (\S+) -->\n```yaml\n(.*?)```", TEXT, re.DOTALL))


def test_every_yaml_block_says_what_it_is() -> None:
    assert len(BLOCKS) == TEXT.count("```yaml")


def test_the_first_campaign_holds_in_a_copy_of_the_shipped_folder_as_the_page_says(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(ROOT / "policy", tmp_path / "policy"))
    for name in ("campaigns/third_wish.yaml", "translations/de/third_wish.yaml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(BLOCKS[name], "utf-8")
        said = CliRunner().invoke(app, ["policy", "check", str(folder)], env={"COLUMNS": "300"})
        assert (said.exit_code, "fail" in said.stdout, "warn" in said.stdout) == (0, False, False), (
            said.stdout
        )
        assert re.search(r"\b(\d+) of \1 examples hold", said.stdout)
    assert list(load_folder(folder).campaigns["third_wish"].content) == ["en", "de"]


def test_the_message_about_an_order_holds_in_a_copy_of_the_shipped_folder(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(ROOT / "policy", tmp_path / "policy"))
    # An order is confirmed from now on, which the examples of others in which one is placed would have to say.
    for file in [one for one in (folder / "campaigns").iterdir() if "order:" in one.read_text("utf-8")]:
        file.unlink()
        (folder / "translations" / "de" / file.name).unlink()
    name = "campaigns/order_received.yaml"
    (folder / name).write_text(BLOCKS[name], "utf-8")
    said = CliRunner().invoke(app, ["policy", "check", str(folder)], env={"COLUMNS": "300"})
    assert (said.exit_code, "warn" in said.stdout) == (0, False), said.stdout
    assert re.search(r"\b(\d+) of \1 examples hold", said.stdout)


def test_what_makes_a_visit_is_told_with_its_defaults() -> None:
    channels = changed("channels.yaml", "overall: {", "overall: {visits: VISITS, ")["channels.yaml"]
    block = BLOCKS["visits"].removeprefix("visits:\n")
    stated = ", ".join(line.split("#")[0].strip() for line in block.strip().splitlines())
    assert stated.count(":") == len(VISITS.keys)
    policy = load_all({**FILES, "channels.yaml": channels.replace("VISITS", f"{{{stated}}}")}).policy
    assert policy.overall.visits == Visits()


def test_the_picture_of_a_visit_is_what_its_script_draws() -> None:
    drawn = runpy.run_path(str(ROOT / "docs" / "draw_visits.py"))["draw"]()
    assert (ROOT / "docs" / "visits.svg").read_text("utf-8") == drawn
    assert "(visits.svg)" in TEXT


def test_the_categories_load() -> None:
    look = {name: text for name, text in FILES.items() if name != "campaigns/look.yaml"}
    loaded = load_all({**look, "categories.yaml": BLOCKS["categories.yaml"]})
    assert loaded.policy.find_category("maternity/dresses").name == "pregnancy"


def test_the_condition_loads() -> None:
    load_all(with_when("\n" + indent(BLOCKS["when"], "  ").rstrip()))


def test_the_keys_of_choosing_load() -> None:
    campaign = FILES["campaigns/look.yaml"].replace("priority: 40\n", f"priority: 40\n{BLOCKS['formerly']}")
    channels = re.sub(r"overall:.*\n", BLOCKS["holdout"] + BLOCKS["groups"], FILES["channels.yaml"])
    policy = load_all({**FILES, "campaigns/look.yaml": campaign, "channels.yaml": channels}).policy
    assert policy.groups == {"winter": Group("winter", 14 * 86_400_000)}
    assert (policy.overall.holdout_ratio, policy.campaigns["look"].key) == (0.02, "wish_reminder")


def test_the_pace_of_a_channel_loads() -> None:
    channels = re.sub(r"  sms:.*\n", indent(BLOCKS["pace"], "  "), FILES["channels.yaml"])
    if "  sms:" not in channels:
        channels = channels.replace("channels:\n", "channels:\n" + indent(BLOCKS["pace"], "  "))
    assert load_all({**FILES, "channels.yaml": channels}).policy.channels["sms"].pace == Pace(
        600, 60_000, "600 in 1 m"
    )


def test_what_a_day_may_cost_loads() -> None:
    channels = re.sub(r"overall:.*\n", BLOCKS["spend"], FILES["channels.yaml"])
    assert load_all({**FILES, "channels.yaml": channels}).policy.overall.spend == Spend(
        20_000, "Europe/Berlin"
    )


def test_the_ranking_and_a_campaigns_worth_load() -> None:
    campaign = FILES["campaigns/look.yaml"].replace("priority: 40\n", f"priority: 40\n{BLOCKS['worth']}")
    channels = re.sub(r"overall:.*\n", BLOCKS["rank"], FILES["channels.yaml"])
    loaded = load_all({**FILES, "campaigns/look.yaml": campaign, "channels.yaml": channels})
    assert (loaded.policy.overall.rank, loaded.policy.overall.currency, loaded.warnings) == (
        "value",
        "EUR",
        (),
    )


def test_the_actions_load_and_allow_what_they_say() -> None:
    channels = FILES["channels.yaml"] + BLOCKS["actions"]
    campaign = FILES["campaigns/look.yaml"].replace(
        "action: /seen", "action: https://help.shop.example/orders/7"
    )
    load_all({**FILES, "channels.yaml": channels, "campaigns/look.yaml": campaign})


def test_the_policy_in_shadow_loads() -> None:
    channels = re.sub(r"overall:.*\n", BLOCKS["shadow"], FILES["channels.yaml"])
    assert load_all({**FILES, "channels.yaml": channels}).policy.overall.shadow is True


def test_the_wait_loads() -> None:
    text = changed("campaigns/look.yaml", "trigger: {event: product.viewed}\n", BLOCKS["wait"])
    text["campaigns/look.yaml"] = text["campaigns/look.yaml"].replace("[viewed]", "[cart]")
    look = load_all(text).policy.campaigns["look"]
    assert look.wait == Wait(ms=1_800_000)
    assert look.unless == {"order.completed", "cart.item_removed"}


def test_the_trigger_loads() -> None:
    assert "visit.dwelled" in BLOCKS["trigger"]
    text = changed("campaigns/look.yaml", "{event: product.viewed}", BLOCKS["trigger"].strip())
    text["campaigns/look.yaml"] = re.sub(
        r"when:.*?channels:", "channels:", text["campaigns/look.yaml"], flags=re.DOTALL
    )
    for old, new in (("from_item", "coats"), ("item.name", "wishlist.last.name"), ("[viewed]", "[visiting]")):
        text["campaigns/look.yaml"] = text["campaigns/look.yaml"].replace(old, new)
    assert load_all(text).policy.campaigns["look"].trigger.dwell_min_ms == 300_000


def test_the_example_loads() -> None:
    block = indent(BLOCKS["example"], "    ").lstrip()
    loaded = load_all({**FILES, "campaigns/look.yaml": f"{CAMPAIGN}  - {block}"})
    assert loaded.examples["look"][2].name == "a third look, on a free day"


@pytest.mark.parametrize("when", CONDITIONS)
def test_each_condition_in_the_tables_loads(when: str) -> None:
    load_all(with_when(when))


FILLED = re.findall(r"^\| `(\{\{ .*? \}\})` \|", TEXT.replace("\\|", "|"), re.MULTILINE)


@pytest.mark.parametrize("template", FILLED)
def test_each_filter_in_the_table_compiles(template: str) -> None:
    assert compile_template(template, speech("en")).lacks == frozenset()


def test_every_filter_is_in_the_table() -> None:
    assert {name for name in FILTERS if any(f"| {name}" in template for template in FILLED)} == set(FILTERS)


def test_the_tables_show_each_condition_at_work() -> None:
    shown = set(re.findall(r"`\{([a-z._]+): \{?[^`]*\}`", TEXT.split("## What a text")[0]))
    joins, by_name = {"all", "any", "not"}, {"trait.<name>", "extra.<name>", "plugin.<name>"}
    assert set(KEYS) - joins - by_name <= shown


@pytest.mark.parametrize("name", [*KEYS, *FACT_PATHS])
def test_each_condition_and_each_fact_is_described(name: str) -> None:
    assert name.removesuffix("<name>") in TEXT


def test_the_channels_load() -> None:
    block = indent(BLOCKS["channels"], "  ")
    others = [
        line
        for line in FILES["channels.yaml"].splitlines(keepends=True)
        if not line.startswith(("  push:", "  in_store:"))
    ]
    at = others.index("channels:\n") + 1
    loaded = load_all({**FILES, "channels.yaml": "".join([*others[:at], block, *others[at:]])})
    assert loaded.policy.channels["in_store"].form == "display"
    assert loaded.policy.channels["push"].quiet is not None


def test_the_numbers_of_the_throttle_on_the_page_are_those_that_ship() -> None:
    assert load_all({**FILES, "creep.yaml": BLOCKS["creep.yaml"]}).policy.creep == SHIPPED_CREEP


@pytest.mark.parametrize("file", JSON_SHAPES)
def test_every_key_of_every_file_is_named(file: str) -> None:
    for name, _ in keys_of(JSON_SHAPES[file]):
        if name.isidentifier():
            assert re.search(rf"(?<![\w.]){name}(?!\w)", TEXT), f"{file}: {name}"


def test_every_place_that_the_page_points_to_is_on_it() -> None:
    headings = re.findall(r"^##+ (.+)$", TEXT, re.MULTILINE)
    places = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    pointed = set(re.findall(r"\]\(#([^)]+)\)", TEXT))
    assert pointed <= places
    assert len(pointed) > 15
