from pathlib import Path

import pytest

from streamproc.settings import Settings, SettingsError, load_settings, setting_names, split_address

# The public list; a name that is missing here or there is a change of the product's face.
NAMES = (
    "KAFKA REDIS_URL REDIS_URL_FILE ID_KEY_FILE GROUP TOPIC_PREFIX POLICY CLOCK EVENT_AGE_MAX "
    "EVENT_AHEAD_MAX CONTEXT_DAYS UNIT_EVENTS_MAX FETCH_WAIT_MS SESSION_TIMEOUT "
    "REBALANCE_TIMEOUT TELL_PER_SECOND METRICS_ADDR LOG_LEVEL"
)


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [name for name in os.environ if name.upper().startswith("STREAMPROC_")]:
        monkeypatch.delenv(name)


def faults(monkeypatch: pytest.MonkeyPatch, **environment: str) -> list[str]:
    for name, value in environment.items():
        monkeypatch.setenv(f"STREAMPROC_{name}", value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    return caught.value.faults


def test_the_settings_are_the_documented_ones() -> None:
    assert setting_names() == {f"STREAMPROC_{name}" for name in NAMES.split()}


def test_defaults_are_the_documented_ones() -> None:
    settings = load_settings()
    assert settings.kafka is None
    assert (settings.event_age_max_ms, settings.event_ahead_max_ms) == (86_400_000, 300_000)
    assert (settings.context_days, settings.unit_events_max) == (90, 4_000)
    assert settings.metrics_addr == "127.0.0.1:9464"
    assert (settings.fetch_wait_ms, settings.clock) == (20, "wall")
    assert (settings.session_timeout_ms, settings.rebalance_timeout_ms) == (30_000, 30_000)
    assert settings.redacted()["STREAMPROC_SESSION_TIMEOUT"] == "30s"
    assert settings.redacted()["STREAMPROC_FETCH_WAIT_MS"] == "20"


@pytest.mark.parametrize(
    ("text", "duration_ms"),
    [("24h", 86_400_000), ("5m", 300_000), ("90s", 90_000), ("250ms", 250), ("7d", 604_800_000)],
)
def test_durations_carry_their_unit(monkeypatch: pytest.MonkeyPatch, text: str, duration_ms: int) -> None:
    monkeypatch.setenv("STREAMPROC_EVENT_AGE_MAX", text)
    assert load_settings().event_age_max_ms == duration_ms
    assert load_settings().redacted()["STREAMPROC_EVENT_AGE_MAX"] != ""


def test_a_duration_without_unit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    (fault,) = faults(monkeypatch, EVENT_AGE_MAX="300")
    assert fault.startswith("STREAMPROC_EVENT_AGE_MAX: '300' is no duration")


def test_all_faults_are_listed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = faults(
        monkeypatch,
        KAFKA="nowhere",
        CLOCK="sundial",
        CONTEXT_DAYS="0",
        METRICS_ADDR="9464",
        SESION_TIMEOUT="5s",
    )
    variables = [fault.split()[0].rstrip(":") for fault in found]
    assert sorted(variables) == [
        "STREAMPROC_CLOCK",
        "STREAMPROC_CONTEXT_DAYS",
        "STREAMPROC_KAFKA",
        "STREAMPROC_METRICS_ADDR",
        "STREAMPROC_SESION_TIMEOUT",
    ]


def test_a_misspelt_setting_is_named_with_the_nearest_one(monkeypatch: pytest.MonkeyPatch) -> None:
    assert faults(monkeypatch, SESION_TIMEOUT="5s") == [
        "STREAMPROC_SESION_TIMEOUT is no setting: did you mean STREAMPROC_SESSION_TIMEOUT?"
    ]


def test_what_kubernetes_sets_for_a_service_named_streamproc_is_no_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STREAMPROC_PORT", "tcp://10.0.0.1:9464")
    monkeypatch.setenv("STREAMPROC_SERVICE_HOST", "10.0.0.1")
    assert load_settings().kafka is None


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMPROC_KAFKA", "")
    monkeypatch.setenv("STREAMPROC_CLOCK", "")
    assert (load_settings().kafka, load_settings().clock) == (None, "wall")


def test_the_redis_url_may_stand_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    secret = tmp_path / "redis"
    secret.write_text("redis://:hush@127.0.0.1:6379/0\n")
    monkeypatch.setenv("STREAMPROC_REDIS_URL_FILE", str(secret))
    assert load_settings().require("redis_url") == ("redis://:hush@127.0.0.1:6379/0",)


def test_a_secret_file_that_cannot_be_read_is_a_fault_beside_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, second = faults(monkeypatch, REDIS_URL_FILE="/nowhere/at/all", CLOCK="sundial")
    assert first.startswith("STREAMPROC_REDIS_URL_FILE names /nowhere/at/all, which cannot be read")
    assert second.startswith("STREAMPROC_CLOCK: ")


def test_a_secret_given_twice_is_a_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert faults(monkeypatch, REDIS_URL_FILE=str(tmp_path), REDIS_URL="redis://127.0.0.1:6379") == [
        "STREAMPROC_REDIS_URL_FILE and STREAMPROC_REDIS_URL are both set: set one"
    ]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
        ("rediss://app:hush@cache:6379/0", "rediss://app:***@cache:6379/0"),
        ("redis://:hu@sh@cache:6379", "redis://:***@cache:6379"),
        ("unix:///run/redis.sock?password=hush", "unix:///run/redis.sock?***"),
    ],
)
def test_no_password_is_shown(url: str, shown: str) -> None:
    settings = Settings(redis_url=url)
    assert settings.redacted()["STREAMPROC_REDIS_URL"] == shown
    assert "hush" not in repr(settings) + str(settings)


def test_no_password_is_in_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    assert faults(monkeypatch, REDIS_URL="http://:hush@cache:6379") == [
        "STREAMPROC_REDIS_URL: no Redis URL: it begins with redis://, rediss:// or unix://"
    ]


def test_a_command_names_every_setting_that_it_misses() -> None:
    with pytest.raises(SettingsError) as caught:
        Settings(group="g").require("kafka", "redis_url")
    assert [fault.split(":")[0] for fault in caught.value.faults] == [
        "STREAMPROC_KAFKA is not set",
        "STREAMPROC_REDIS_URL is not set",
    ]


def test_redacted_shows_values_as_one_would_write_them() -> None:
    shown = Settings(event_ahead_max_ms=0).redacted()
    assert shown["STREAMPROC_EVENT_AGE_MAX"] == "1d"
    assert shown["STREAMPROC_EVENT_AHEAD_MAX"] == "0s"
    assert shown["STREAMPROC_KAFKA"] == ""


def test_an_address_is_split_into_host_and_port() -> None:
    assert split_address("[::1]:9464") == ("::1", 9464)
    assert split_address("127.0.0.1:80") == ("127.0.0.1", 80)
    with pytest.raises(ValueError, match="no address"):
        split_address("127.0.0.1:70000")


def test_the_settings_page_lists_every_setting_with_its_default() -> None:
    page = (Path(__file__).parents[2] / "docs" / "settings.md").read_text("utf-8")
    rows = [
        [cell.strip(" `") for cell in line.split("|")[1:3]]
        for line in page.splitlines()
        if "| `STREAM" in line
    ]
    defaults = load_settings().redacted()
    defaults |= {"STREAMPROC_REDIS_URL_FILE": "", "STREAMPROC_POLICY": "the shipped one"}
    assert {name: text.replace("24h", "1d") for name, text in rows} == defaults
