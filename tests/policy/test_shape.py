"""What a policy's files may hold is said once, with a sentence for every key."""

from __future__ import annotations

import pytest

from streamproc.core.policy.document import read
from streamproc.core.policy.fields import Fields
from streamproc.core.policy.json_schema import FILES
from streamproc.core.policy.problems import Findings
from streamproc.core.policy.shape import Duration, Flag, Key, Shape, Text, Whole
from tests.policy.shapes import keys_of

CUP = Shape("A cup.", {"size": Key("How big.", Whole(1, 3), required=True), "hot": Key("Hot.", Flag())})


@pytest.mark.parametrize("file", FILES)
def test_every_key_says_in_a_sentence_what_it_is(file: str) -> None:
    for name, key in keys_of(FILES[file]):
        assert key.says[-1] in ".)", name
        assert key.says[0].isupper() or key.says[0].isdigit() or key.says.startswith(("true", "false")), name


def read_cup(text: str) -> tuple[Fields, Findings]:
    findings = Findings()
    node = read("cup.yaml", text, findings)
    assert node is not None
    return Fields(node, findings, CUP), findings


def test_a_shape_reports_what_it_does_not_know_and_what_it_misses() -> None:
    cup, findings = read_cup("{sise: 2}")
    assert [error.message for error in findings.errors] == [
        "sise: unknown key; allowed are size, hot; did you mean 'size'?",
        "size: is required",
    ]
    assert "sise" not in cup


def test_a_reader_takes_its_bounds_and_defaults_from_the_shape() -> None:
    cup, findings = read_cup("{size: 4}")
    assert (cup.integer("size"), cup.flag("hot")) == (None, True)
    assert [error.message for error in findings.errors] == ["size: 4 is not between 1 and 3"]


def test_a_reader_of_another_kind_than_declared_is_a_mistake_of_the_loader() -> None:
    cup, _ = read_cup("{size: 2}")
    with pytest.raises(AssertionError, match="is declared as"):
        cup.duration("size")
    assert {type(key.value) for key in CUP.keys.values()}.isdisjoint({Duration, Text})
