"""A campaign keeps the name that its counters hang on, from one policy to the next."""

from __future__ import annotations

import pytest

from streamproc.core.policy.loader import load
from streamproc.core.policy.model import Policy
from streamproc.core.policy.renames import check_renames
from tests.policy.samples import CAMPAIGN, FILES

FORGETS = "formerly leaves out peek, on which the caps of glance hang: they would begin anew; name it, the oldest first"
DRAWS = "formerly begins with older, the hold-out group hangs on peek: it is drawn anew"


def policy(name: str, *formerly: str, keys: str = "") -> Policy:
    said = f"\nformerly: [{', '.join(formerly)}]" if formerly else ""
    text = CAMPAIGN.replace("campaign: look", f"campaign: {name}{said}{keys}")
    files = {file: content for file, content in FILES.items() if not file.startswith("campaigns/")}
    return load({**files, f"campaigns/{name}.yaml": text})


BEFORE = policy("glance", "peek")


@pytest.mark.parametrize(
    "after",
    [
        policy("glance", "peek"),
        policy("look", "peek", "glance"),
        policy("look", "peek"),
        policy("peek"),
        policy("something_new"),
    ],
)
def test_who_keeps_the_first_name_or_begins_anew_is_free(after: Policy) -> None:
    found = check_renames(BEFORE, after)
    assert (found.errors, found.warnings) == ([], [])


@pytest.mark.parametrize("after", [policy("glance"), policy("look", "glance")])
def test_a_first_name_that_is_told_no_longer_is_an_error(after: Policy) -> None:
    (error,) = check_renames(BEFORE, after).errors
    assert error.message == FORGETS
    assert error.file.startswith("campaigns/")


def test_an_older_name_that_is_told_only_now_draws_the_hold_out_group_anew() -> None:
    after = ("glance", "older", "peek")
    assert check_renames(BEFORE, policy(*after)).warnings == []
    (warning,) = check_renames(BEFORE, policy(*after, keys="\nholdout_ratio: 0.1")).warnings
    assert warning.message == DRAWS
