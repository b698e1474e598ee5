"""The files under deploy/ and the compose file name only what exists, and open nothing to the world."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from streamproc.ops.metrics import Metrics
from streamproc.settings import Settings, setting_names, split_address
from streamproc.store.keys import IdKey

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = YAML(typ="safe", pure=True).load(ROOT / "docker-compose.yml")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana/dashboards/streamproc.json").read_text("utf-8"))
RULES: dict[str, Any] = YAML(typ="safe", pure=True).load(DEPLOY / "prometheus/rules.yml")
# What the compose specification allows, as far as this file uses it.
SERVICE_KEYS = {
    "build",
    "image",
    "pull_policy",
    "command",
    "entrypoint",
    "environment",
    "ports",
    "volumes",
    "healthcheck",
    "restart",
    "depends_on",
    "read_only",
    "tmpfs",
    "cap_drop",
    "security_opt",
    "stop_grace_period",
}


def expressions() -> Iterator[str]:
    for panel in DASHBOARD["panels"]:
        yield from (target["expr"] for target in panel["targets"])
    for group in RULES["groups"]:
        yield from (rule["expr"] for rule in group["rules"])


def labels_of_metrics() -> dict[str, set[str]]:
    """Return the labels of every series that a process publishes, by the series' name."""
    labels: dict[str, set[str]] = {}
    for family in Metrics().registry.collect():
        for sample in family.samples:
            labels.setdefault(sample.name, set()).update(sample.labels)
    return labels


def host_paths() -> Iterator[Path]:
    for service in SERVICES.values():
        yield from (ROOT / v.split(":")[0] for v in service.get("volumes", ()) if v.startswith("./"))
        if "build" in service:
            yield ROOT / service["build"]["dockerfile"]


def test_the_compose_file_has_the_shape_of_one() -> None:
    assert set(COMPOSE) == {"name", "x-streamproc", "services", "volumes"}
    for name, service in SERVICES.items():
        assert set(service) <= SERVICE_KEYS, name
        for needed in service.get("depends_on", {}):
            assert needed in SERVICES
        for volume in service.get("volumes", ()):
            assert volume.startswith("./") or volume.split(":")[0] in COMPOSE["volumes"], volume


def test_whoever_waits_for_a_healthy_service_waits_for_one_that_says_so() -> None:
    for service in SERVICES.values():
        for name, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[name]


def test_one_service_builds_the_image_and_the_others_never_pull_it() -> None:
    ours = [service for service in SERVICES.values() if service["image"] == COMPOSE["x-streamproc"]["image"]]
    assert len(ours) == 2
    assert [("build" in one, one.get("pull_policy")) for one in ours] == [(False, "never"), (True, None)]


def test_readme_and_compose_file_name_one_command_and_the_same_ports() -> None:
    head = (ROOT / "docker-compose.yml").read_text("utf-8").split("\nname:")[0]
    readme = (ROOT / "README.md").read_text("utf-8")
    ports = {port.split(":")[1].split("-")[0] for one in SERVICES.values() for port in one.get("ports", ())}
    for port in ports:
        assert f"127.0.0.1:{port}" in head
        assert f"127.0.0.1:{port}" in readme
    assert "`docker compose up --build`" in head
    assert "`docker compose up --build`" in readme


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_open_on_loopback_alone(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", ()))


def test_no_two_services_share_a_port_of_the_host() -> None:
    ports = [port.split(":")[1] for service in SERVICES.values() for port in service.get("ports", ())]
    assert len(ports) == len(set(ports))


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned_to_a_version(name: str) -> None:
    assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+\.\d+", SERVICES[name]["image"])


def test_base_images_are_pinned_and_the_worker_is_no_root() -> None:
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    images = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert all(re.fullmatch(r"python:3\.1[123]\.\d+-[a-z-]+", image) for image in images)
    assert "\nUSER streamproc\n" in text


def test_every_file_that_is_mounted_or_built_exists() -> None:
    assert [path for path in host_paths() if not path.exists()] == []


def test_every_file_that_the_image_copies_exists_and_may_enter_the_build() -> None:
    allowed = {
        line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line[:1] == "!"
    }
    copies = re.findall(
        r"^COPY (?!--from)(?:--\S+ )*(.+) \S+$", (DEPLOY / "Dockerfile").read_text("utf-8"), re.MULTILINE
    )
    sources = {source for line in copies for source in line.split()}
    assert sources
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert sources == allowed


def test_every_setting_that_deployment_names_exists_and_is_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = COMPOSE["x-streamproc"]["environment"]
    named = set(environment)
    for file in (DEPLOY / "setup.sh", DEPLOY / "Dockerfile"):
        named |= set(re.findall(r"STREAMPROC_[A-Z_]+", file.read_text("utf-8")))
    assert named <= setting_names()
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Settings().require("kafka", "redis_url", "id_key_file")


def test_a_worker_finds_kafka_and_redis_where_they_listen() -> None:
    environment = COMPOSE["x-streamproc"]["environment"]
    host, port = split_address(environment["STREAMPROC_KAFKA"])
    listeners = SERVICES[host]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert f"://{host}:{port}," in f"{listeners},"
    assert re.fullmatch(r"redis://redis:6379/\d+", environment["STREAMPROC_REDIS_URL"])


def test_prometheus_asks_the_port_that_a_worker_serves() -> None:
    _, port = split_address(COMPOSE["x-streamproc"]["environment"]["STREAMPROC_METRICS_ADDR"])
    config = YAML(typ="safe", pure=True).load(DEPLOY / "prometheus/prometheus.yml")
    asked = config["scrape_configs"][0]["dns_sd_configs"][0]
    assert (asked["names"], asked["port"]) == (["worker"], port)
    assert SERVICES["worker"]["ports"][0].endswith(f":{port}")
    assert f":{port}/readyz" in SERVICES["worker"]["healthcheck"]["test"][-1]
    assert split_address(Settings().metrics_addr)[1] == port


def test_redis_keeps_what_it_has_and_evicts_nothing() -> None:
    command = SERVICES["redis"]["command"]
    assert command[command.index("--appendonly") + 1] == "yes"
    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"


def test_kafka_takes_the_largest_record_that_a_topic_takes() -> None:
    from streamproc.ops.topics import load_topics

    largest = max(spec.message_bytes_max for spec in load_topics())
    assert int(SERVICES["kafka"]["environment"]["KAFKA_MESSAGE_MAX_BYTES"]) >= largest


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_an_expression_uses_only_metrics_and_labels_that_exist(expression: str) -> None:
    known = labels_of_metrics()
    used = set(re.findall(r"\b(?:streamproc|process)_[a-z_]+", expression))
    assert used or "up{" in expression
    assert used <= known.keys()
    grouped = {label.strip() for by in re.findall(r"by \(([^)]*)\)", expression) for label in by.split(",")}
    assert grouped <= {label for name in used for label in known[name]}


def test_every_alert_says_what_to_do() -> None:
    for group in RULES["groups"]:
        for rule in group["rules"]:
            assert set(rule["annotations"]) == {"summary", "action"}, rule["alert"]
            assert rule["labels"]["severity"] in ("page", "ticket")


def test_grafana_finds_its_data_and_its_dashboard() -> None:
    yaml = YAML(typ="safe", pure=True)
    (source,) = yaml.load(DEPLOY / "grafana/provisioning/datasources/prometheus.yml")["datasources"]
    (provider,) = yaml.load(DEPLOY / "grafana/provisioning/dashboards/streamproc.yml")["providers"]
    mounted = {v.split(":")[1] for v in SERVICES["grafana"]["volumes"]}
    assert provider["options"]["path"] in mounted
    assert source["url"] == "http://prometheus:9090"
    assert {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]} == {source["uid"]}
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{provider['options']['path']}/streamproc.json"


def test_panels_do_not_overlap_and_each_says_what_it_shows() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        assert panel["description"]
        taken |= cells


@pytest.mark.skipif(
    not shutil.which("promtool"), reason="promtool, of Debian's package prometheus, is not there"
)
@pytest.mark.parametrize(
    "command", [["check", "config", "prometheus.yml"], ["test", "rules", "rules_test.yml"]]
)
def test_prometheus_accepts_its_files_and_the_alerts_fire_as_they_should(command: list[str]) -> None:
    promtool = ["promtool", *command]
    done = subprocess.run(
        promtool, cwd=DEPLOY / "prometheus", capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_set_up_makes_one_key_and_never_another(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    stub = tmp_path / "bin" / "streamproc"
    stub.write_text('#!/bin/sh\necho "$*" >>"$CALLS"\n')
    stub.chmod(0o755)
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    key, calls = tmp_path / "id", tmp_path / "calls"
    env = {
        "PATH": f"{stub.parent}:/usr/bin:/bin",
        "STREAMPROC_ID_KEY_FILE": str(key),
        "CALLS": str(calls),
    }
    keys = []
    for _ in range(2):
        subprocess.run(["sh", str(DEPLOY / "setup.sh")], env=env, check=True, timeout=20, capture_output=True)
        keys.append(IdKey.from_file(key).check())
    assert keys[0] == keys[1]
    assert len(key.read_text().strip()) == 64
    assert calls.read_text().splitlines()[:2] == ["topics apply", "policy publish /etc/streamproc/policy"]
