"""What watchers are told of, and how often."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamproc.core.catalog import Change, Offer, Site
from streamproc.core.item_news import TOLD_AGAIN_MS_MIN, News, Word, news_of, told
from streamproc.core.watching import ITEM_AVAILABLE, ITEM_PRICE_DROPPED

NOW = 1_772_539_200_000


def offer(
    available: bool | None = None,  # noqa: FBT001
    price: int | None = None,
    currency: str = "EUR",
    until: int = 0,
) -> Offer:
    return Offer(available, price, currency if price is not None else "", until)


def at(said: Offer | Site | None, at_ms: int) -> Offer | Site | None:
    return msgspec.structs.replace(said, at_ms=at_ms) if isinstance(said, Offer) else said


def read(*offers: Offer | Site | None, step_ms: int = 1) -> list[News | None]:
    """Read one record after another of one item, its watchers told at once."""
    word, found = Word(), []
    for number, said in enumerate(offers):
        word, news = news_of(word, Change("coat", "", at(said, NOW + number * step_ms)), f"0/{number}")
        word = word if news is None else told(word, news)
        found.append(news)
    return found


def kinds(*offers: Offer | Site | None, step_ms: int = 1) -> list[str | None]:
    return [None if news is None else news.kind for news in read(*offers, step_ms=step_ms)]


def test_an_item_that_was_said_to_be_gone_is_back() -> None:
    assert kinds(offer(False), offer(True)) == [None, ITEM_AVAILABLE]


def test_an_item_of_which_nothing_was_known_is_not_back() -> None:
    assert kinds(offer(True)) == [None]
    assert kinds(offer(False), None, offer(True)) == [None, None, None]
    assert kinds(offer(False), offer(None), offer(True)) == [None, None, None]


def test_a_lower_price_in_the_same_currency_is_news_and_says_what_it_was() -> None:
    _, news = read(offer(True, 100), offer(True, 80))
    assert news is not None
    assert (news.kind, news.price_before_minor, news.drop_ratio) == (ITEM_PRICE_DROPPED, 100, 0.2)
    assert news.event_id == "item.price_dropped/0/1"


@pytest.mark.parametrize(
    "later",
    [
        offer(True, 80, "USD"),
        offer(True, 100),
        offer(True, 120),
        offer(False, 80),
        offer(True),
        offer(True, 80, until=NOW),
    ],
)
def test_no_price_fell_where_the_currency_differs_it_is_gone_or_the_words_time_is_over(later: Offer) -> None:
    assert kinds(offer(True, 100), later) == [None, None]


def test_back_and_cheaper_at_once_is_told_once() -> None:
    assert kinds(offer(False, 100), offer(True, 80)) == [None, ITEM_AVAILABLE]


def test_an_item_that_flaps_is_told_of_once_an_hour() -> None:
    flapping = [offer(False), offer(True)] * 60
    heard = kinds(*flapping, step_ms=TOLD_AGAIN_MS_MIN // 40)
    assert heard.count(ITEM_AVAILABLE) == 3  # 120 records in three hours


@given(
    st.lists(
        st.tuples(st.sampled_from([True, False, None]), st.sampled_from([None, 50, 80, 100])), max_size=30
    )
)
def test_no_kind_of_news_comes_twice_within_an_hour_however_the_words_go(
    words: list[tuple[bool | None, int | None]],
) -> None:
    heard = read(*(offer(*word) for word in words), step_ms=TOLD_AGAIN_MS_MIN // 7)
    for kind in (ITEM_AVAILABLE, ITEM_PRICE_DROPPED):
        times = [news.at_ms for news in heard if news is not None and news.kind == kind]
        assert all(later - earlier >= TOLD_AGAIN_MS_MIN for earlier, later in pairwise(times))


@given(
    st.lists(
        st.tuples(st.sampled_from([True, False]), st.sampled_from([50, 80, 100])), min_size=1, max_size=8
    )
)
def test_records_that_are_read_again_are_no_news(words: list[tuple[bool, int]]) -> None:
    word, heard = Word(), []
    for number, said in [*enumerate(words), *enumerate(words)]:
        word, news = news_of(word, Change("coat", "", at(offer(*said), NOW + number)), f"0/{number}")
        word = word if news is None else told(word, news)
        heard.append(news)
    assert [news for news in heard[len(words) :] if news is not None] == []


def test_a_word_that_was_so_before_the_last_one_is_no_news() -> None:
    gone, back = at(offer(False), NOW), at(offer(True), NOW - 1)
    word, _ = news_of(Word(), Change("coat", "", gone), "0/0")
    assert news_of(word, Change("coat", "", back), "0/1") == (word, None)


def test_who_was_told_so_far_is_remembered_while_the_same_word_is_read_again() -> None:
    gone = Change("coat", "", at(offer(False), NOW))
    word, _ = news_of(Word(), gone, "0/0")
    half_told = msgspec.structs.replace(word, telling="item.available/0/1", told_to="7f")
    assert news_of(half_told, gone, "0/0") == (half_told, None)
