from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.store.keys import BUCKETS, KEYS, IdKey, IdKeyUnusable, bucket_of

KEY = IdKey(b"sixteen bytes...")


def test_a_hash_is_32_hexadecimal_digits_and_always_the_same() -> None:
    assert KEY.h("c-17") == KEY.h("c-17") == IdKey(b"sixteen bytes...").h("c-17")
    assert len(KEY.h("c-17")) == 32
    assert KEY.h("c-17") != KEY.h("c-18")


def test_the_stored_hash_of_a_customer_never_changes_between_releases() -> None:
    assert KEY.h("c-17") == "345c39342cc652936fa8a2f44ea8093a"


@given(st.text())
def test_every_string_has_a_hash_and_a_bucket_by_its_value_modulo_64(customer_id: str) -> None:
    h = KEY.h(customer_id)
    assert bucket_of(h) == int(h, 16) % BUCKETS


def test_a_lone_surrogate_has_a_hash_of_its_own() -> None:
    assert KEY.h("\ud800") not in {KEY.h("\ud801"), KEY.h("?"), KEY.h("")}


def test_another_key_gives_other_hashes_and_another_fingerprint() -> None:
    other = IdKey(b"sixteen bytes, and more")
    assert (other.h("c-17"), other.check()) != (KEY.h("c-17"), KEY.check())
    assert other.check() != KEY.check()


def test_the_fingerprint_is_no_customers_hash() -> None:
    assert KEY.check() != KEY.h("streamproc")


def test_all_keys_of_a_bucket_carry_its_number_as_hash_tag() -> None:
    names = KEYS[7]
    assert [names.epoch, names.count, names.context + "h", names.consent + "h", names.outputs + "h"] == [
        "sp:{7}:epoch",
        "sp:{7}:count",
        "sp:{7}:ctx:h",
        "sp:{7}:con:h",
        "sp:{7}:out:h",
    ]


def test_a_key_file_may_end_in_a_newline(tmp_path: Path) -> None:
    path = tmp_path / "id.key"
    path.write_bytes(b"sixteen bytes...\n")
    assert IdKey.from_file(path).check() == KEY.check()


def test_a_key_longer_than_64_bytes_counts_in_full(tmp_path: Path) -> None:
    assert IdKey(b"k" * 64 + b"1").check() != IdKey(b"k" * 64 + b"2").check()


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"short\n", r"has 5 bytes, it needs at least 16"), (None, "cannot be read: No such file")],
)
def test_an_unusable_key_file_is_named_with_its_setting(
    tmp_path: Path, content: bytes | None, message: str
) -> None:
    path = tmp_path / "id.key"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(IdKeyUnusable, match=rf"STREAMPROC_ID_KEY_FILE .*id\.key: .*{message}"):
        IdKey.from_file(path)
