from dataclasses import dataclass, field
from pathlib import Path

import pytest

from streamproc.ops.topics import FOREVER, TopicsError, diff, load_topics
from streamproc.shipped import shipped_folder

DAY_MS = 86_400_000
NUDGES = ("nudges.push", "nudges.email", "nudges.sms", "nudges.in_app", "nudges.web", "nudges.in_store")
# The table of topics: key, days kept (-1: for ever), clean-up, who stamps the time.
TABLE = {
    "consents": ("customer", -1, "delete", "LogAppendTime"),
    "profiles": ("customer", 30, "delete", "CreateTime"),
    "outcomes": ("customer", 30, "delete", "CreateTime"),
    "privacy-requests": ("customer", 30, "delete", "CreateTime"),
    "clickstream": ("customer", 7, "delete", "CreateTime"),
    "beacons": ("customer", 7, "delete", "CreateTime"),
    "timers": ("customer", 7, "delete", "CreateTime"),
    "rekeyed": ("customer", 7, "delete", "CreateTime"),
    "config": ("setting", -1, "compact", "LogAppendTime"),
    "catalog": ("item or site", -1, "compact", "LogAppendTime"),
    **dict.fromkeys(NUDGES, ("customer", 7, "delete", "CreateTime")),
    "decisions": ("customer", 35, "delete", "CreateTime"),
    "ledger": ("keyed hash", -1, "delete", "CreateTime"),
    "receipts": ("lane", 35, "delete", "CreateTime"),
    "dead-letters": ("as received", 14, "delete", "CreateTime"),
}
SPECS = {spec.topic: spec for spec in load_topics()}


@dataclass
class Actual:
    partitions: int
    replication: int = 1
    config: dict[str, str] = field(default_factory=dict)


def actual(lanes: int = 12, replication: int = 1) -> dict[str, Actual]:
    return {
        spec.topic: Actual(spec.partition_count(lanes), replication, spec.config(replication))
        for spec in SPECS.values()
    }


def found(topics: dict[str, Actual], replication: int = 1) -> list[str]:
    return [str(finding) for finding in diff(tuple(SPECS.values()), topics, replication=replication)]


def test_the_topics_are_those_of_the_table() -> None:
    assert SPECS.keys() == TABLE.keys()


@pytest.mark.parametrize("name", TABLE)
def test_a_topic_is_as_the_table_says(name: str) -> None:
    key, days, cleanup, timestamps = TABLE[name]
    spec = SPECS[name]
    assert (spec.key, spec.cleanup, spec.timestamps) == (key, cleanup, timestamps)
    assert spec.retention_ms == (FOREVER if days < 0 else days * DAY_MS)


def test_all_topics_have_one_partition_count_but_config_which_has_one_partition() -> None:
    counts = {name: spec.partition_count(12) for name, spec in SPECS.items()}
    assert counts.pop("config") == 1
    assert set(counts.values()) == {12}


def test_a_cluster_as_it_must_be_has_no_finding() -> None:
    assert found(actual()) == []


@pytest.mark.parametrize("name", TABLE)
def test_a_missing_topic_is_found_and_may_be_created(name: str) -> None:
    topics = actual()
    del topics[name]
    (finding,) = diff(tuple(SPECS.values()), topics)
    assert (finding.topic, finding.kind, finding.mendable) == (name, "missing", True)


def test_any_one_partition_count_will_do() -> None:
    assert found(actual(lanes=48)) == []


def test_a_topic_with_another_partition_count_is_named_and_never_changed() -> None:
    topics = actual()
    topics["beacons"].partitions = 6
    (finding,) = diff(tuple(SPECS.values()), topics)
    assert str(finding) == "beacons: partitions is 6, 12 wanted"
    assert not finding.mendable


def test_a_setting_that_differs_is_named_with_both_values() -> None:
    topics = actual()
    topics["consents"].config["cleanup.policy"] = "compact"
    assert found(topics) == ["consents: cleanup.policy is compact, delete wanted"]


def test_a_broker_that_reports_no_settings_is_not_judged_by_them() -> None:
    topics = actual()
    for topic in topics.values():
        topic.config = {}
    assert found(topics) == []


def test_fewer_replicas_than_wanted_are_found_and_more_are_fine() -> None:
    assert found(actual(replication=3), replication=3) == []
    topics = actual(replication=3)
    topics["ledger"].replication = 1
    assert found(topics, replication=3) == ["ledger: replication is 1, 3 wanted"]


def test_all_but_one_replica_must_have_a_record() -> None:
    settings = [SPECS["ledger"].config(replicas)["min.insync.replicas"] for replicas in (1, 2, 3)]
    assert settings == ["1", "1", "2"]


def test_topics_of_others_are_passed_over_and_ours_carry_the_prefix() -> None:
    topics = {f"shop.{name}": topic for name, topic in actual().items()} | {"consents": Actual(1)}
    assert diff(tuple(SPECS.values()), topics, prefix="shop.") == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("retention: 7d -> retention: 7", "retention: Value error, 7 is neither `forever` nor days"),
        ("cleanup: delete -> cleanup: burn", "cleanup: Input should be 'delete' or 'compact'"),
        ("topic: beacons -> topic: bacons", "'bacons' is not what its file is named"),
        ("schema: beacon.json -> schema: bacon.json", "there is no schemas/bacon.json"),
        ("key: customer -> kee: customer", "kee: Extra inputs are not permitted"),
        ("key: customer -> key: customer\nkey: other", 'found duplicate key "key"'),
    ],
)
def test_a_broken_topic_file_is_named_with_its_fault(tmp_path: Path, change: str, complaint: str) -> None:
    old, new = change.split(" -> ")
    text = (shipped_folder("topics") / "beacons.yaml").read_text()
    assert old in text
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "beacon.json").write_text("{}")
    (tmp_path / "beacons.yaml").write_text(text.replace(old, new, 1))
    with pytest.raises(TopicsError) as caught:
        load_topics(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'beacons.yaml'}: ")
    assert complaint in str(caught.value)


def test_an_empty_folder_is_no_set_of_topics(tmp_path: Path) -> None:
    with pytest.raises(TopicsError, match="holds no topic file"):
        load_topics(tmp_path)
