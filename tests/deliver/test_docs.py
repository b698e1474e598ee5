"""docs/delivery.md: its receiver works, and its commands are spelt right."""

from __future__ import annotations

import base64
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main
from standardwebhooks.webhooks import WebhookVerificationError

from streamproc.cli import app
from streamproc.deliver.ports import Bounce, Fate, Trouble
from streamproc.deliver.webhook import Webhook
from tests.deliver.receivers import Endpoint, Posted
from tests.deliver.samples import parcel

TEXT = (Path(__file__).parents[2] / "docs" / "delivery.md").read_text("utf-8")
SECRET = b"a secret that only these tests use"


async def test_the_receiver_takes_a_nudge_once_and_no_forgery(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "secret").write_bytes(base64.b64encode(SECRET) + b"\n")
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    scope: dict[str, Any] = {}
    exec(compile(code, "docs/delivery.md", "exec"), scope)

    def receive(posted: Posted) -> tuple[int, dict[str, str], str]:
        return scope["receive"](posted.headers, posted.body), {}, ""

    async with Endpoint(receive).open() as endpoint:
        webhook = Webhook(endpoint.url(), [SECRET])
        await webhook.send(parcel(), None)
        await webhook.send(parcel(), None)
        await webhook.close()
    assert capsys.readouterr().out == "Still there\n"
    with pytest.raises(WebhookVerificationError):
        scope["receive"](endpoint.requests[0].headers, b"{}")


def test_every_option_of_a_command_exists() -> None:
    command: Any = typer.main.get_command(app).commands["deliver"]  # type: ignore[attr-defined]
    known = {name for one in command.params for name in one.opts}
    lines = [shlex.split(line) for line in TEXT.splitlines() if line.strip().startswith("streamproc deliver")]
    assert len(lines) >= 5
    named = {word for line in lines for word in line if word.startswith("--")}
    assert named <= known
    assert set(re.findall(r"`(--[a-z-]+)", TEXT)) <= known


def test_every_code_that_is_counted_or_reported_is_listed() -> None:
    for code in (*Fate, *Bounce, *Trouble):
        assert re.search(rf"\b{code}\b", TEXT), code
