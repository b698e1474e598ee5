"""`streamproc deliver`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from streamproc.ops.commands.terminal import AsJson, fail, run, say, settings, show_json
from streamproc.ops.times import utc_text

if TYPE_CHECKING:
    from streamproc.ops.delivery_preview import Preview

__all__ = ["deliver"]

Channel = Annotated[str, typer.Argument(metavar="CHANNEL", help="push, email, sms, in_app, web or in_store.")]
To = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="https://... (a signed CloudEvent), smtp:// or smtps:// HOST:PORT, or a URL that Apprise knows.",
        show_default=False,
    ),
]
ToFile = Annotated[
    Path | None, typer.Option(help="A file with that URL, where it holds a password or a token.")
]
Addresses = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|URL",
        help="Customer to address: a CSV file (customer_id,address), .ndjson, or a URL with {customer_id}.",
    ),
]
TokenFile = Annotated[Path | None, typer.Option(help="A file with the bearer token of that URL.")]
Sender = Annotated[
    str | None, typer.Option("--from", help="Who a mail is from, as in `Shop <hello@shop.example>`.")
]
SecretFile = Annotated[
    Path | None,
    typer.Option(
        help="A file with the secret that webhooks are signed with, from `openssl rand -base64 32`."
    ),
]
Rate = Annotated[str | None, typer.Option(help="At most so many by this process: 20/s, 100/m or 1000/h.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what waits and what would come of it; send nothing.")
]
MetricsAddr = Annotated[
    str | None,
    typer.Option(help="Where /metrics, /livez and /readyz are served.", show_default="127.0.0.1:9465"),
]


def deliver(
    channel: Channel,
    to: To = None,
    to_file: ToFile = None,
    addresses: Addresses = None,
    addresses_token_file: TokenFile = None,
    sender: Sender = None,
    secret_file: SecretFile = None,
    rate: Rate = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    metrics_addr: MetricsAddr = None,
) -> None:
    """Hand the nudges of one channel over: to a webhook, a mail server, or a service that Apprise knows.

    It reads `nudges.CHANNEL` in a consumer group of its own, drops what it handed over before, and asks once more for
    expiry, consent, mutes and switches right before each. While the target is away it tries again until the nudge
    expires. What became of each goes to `outcomes`: delivered or bounced. Start as many as there are lanes, at most.

    SIGTERM or SIGINT: it finishes the nudges in flight and leaves the group. A second signal ends it at once.

    Mail and Apprise need the extra: `pip install 'streamproc[deliver]'`. More in docs/delivery.md.

    Exit codes: 0 stopped as asked; 1 wrong settings, all listed; 69 (--dry-run) Kafka or Redis cannot be used;
    70 stalled or broken: start it again.

    Example: `streamproc deliver email --to smtp://127.0.0.1:25 --from hello@shop.example --addresses people.csv`
    """
    from streamproc.core.facts import CHANNELS  # noqa: PLC0415
    from streamproc.core.policy.problems import nearest  # noqa: PLC0415
    from streamproc.ops.delivery import Options, assemble, run_delivery  # noqa: PLC0415 - aiokafka takes a second.

    if channel not in CHANNELS:
        fail(f"there is no channel {channel!r}{nearest(channel, CHANNELS)}; there are {', '.join(CHANNELS)}")
    options = Options(
        channel, to, to_file, sender, secret_file, addresses, addresses_token_file, rate, metrics_addr
    )
    if not dry_run:
        if as_json:
            fail("--json belongs to --dry-run")
        raise typer.Exit(run_delivery(settings(), options))
    from streamproc.ops.delivery_preview import as_documents, look_ahead  # noqa: PLC0415

    previews = run(look_ahead(assemble(settings(), options)))
    if as_json:
        show_json(as_documents(previews))
    else:
        _say(previews)


def _say(previews: list[Preview]) -> None:
    from streamproc.ops.delivery_preview import PREVIEWED_MAX, summed_up  # noqa: PLC0415

    table = Table("", "campaign", "to", "words", "why", "until", box=None, header_style="bold")
    for one in previews:
        until = utc_text(one.expires_at_ms) if one.expires_at_ms else ""
        table.add_row(*map(escape, (one.verdict, one.campaign, one.address, one.title, one.why, until)))
    if previews:
        Console(soft_wrap=True).print(table)
        say()
    first = f"The first {PREVIEWED_MAX}: " if len(previews) == PREVIEWED_MAX else ""
    say(f"{first}{summed_up(previews)}. Nothing was sent.")
