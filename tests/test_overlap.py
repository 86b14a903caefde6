"""Who is who, drawn from the odds of pairs."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from darkfigure.errors import InputError
from darkfigure.lists.link import Links
from darkfigure.lists.overlap import agreement, clusters, count, forest, overlaps, people

LISTS = ("a", "b", "c")


def links(n: int, pairs: dict[tuple[int, int], float], on: list[int] | None = None) -> Links:
    """Links among n records; each pair with its probability."""
    ordered = sorted(pairs)
    odds = [math.log(pairs[pair] / (1 - pairs[pair])) for pair in ordered]
    left, right = (np.array([pair[i] for pair in ordered], np.int64) for i in (0, 1))
    where = np.arange(n) % 3 if on is None else np.array(on)
    return Links(LISTS, where, left, right, np.array(odds))


@st.composite
def any_links(draw: st.DrawFn) -> Links:
    n = draw(st.integers(2, 12))
    every = [(i, j) for i in range(n) for j in range(i + 1, n)]
    chosen = draw(st.lists(st.sampled_from(every), unique=True, max_size=20))
    return links(n, {pair: draw(st.floats(0.01, 0.99)) for pair in chosen})


@given(any_links())
@settings(deadline=None)
def test_everybody_is_somebody_once(found: Links) -> None:
    """Each draw puts each record to one person; people are counted on one combination each."""
    histories = overlaps(found, draws=5, seed=1)
    assert histories.draws is not None
    for draw in histories.each_draw():
        sizes = sum(draw.size_of(name) for name in LISTS)
        assert draw.observed <= len(found.on)
        assert sizes <= len(found.on)  # who is on a list twice is on it once
        assert all(draw.size_of(name) <= np.sum(found.on == i) for i, name in enumerate(LISTS))


@given(any_links())
@settings(deadline=None)
def test_the_forest_hangs_together_as_the_pairs_do_and_has_no_circle(found: Links) -> None:
    n = len(found.on)
    branches = forest(found)
    everything = people(found, (found.left, found.right, np.ones(len(found.left))))
    one = set(zip(people(found, branches, 100).tolist(), everything.tolist(), strict=True))
    assert len(one) == everything.max() + 1
    assert len(branches[0]) == n - (everything.max() + 1)


@given(any_links())
@settings(deadline=None)
def test_no_other_forest_is_stronger(found: Links) -> None:
    """Kruskal's way, the slow obvious one: take the strongest pair that closes no circle."""
    group = list(range(len(found.on)))
    whole = 0.0
    for odds, i, j in sorted(
        zip(found.log_odds, found.left, found.right, strict=True), key=lambda pair: -pair[0]
    ):
        if group[i] != group[j]:
            whole += odds
            group = [group[i] if g == group[j] else g for g in group]
    assert forest(found)[2].sum() == pytest.approx(whole, abs=1e-6)


def test_a_pair_is_one_person_as_often_as_its_probability_says() -> None:
    found = links(2, {(0, 1): 0.3}, on=[0, 1])
    histories = overlaps(found, draws=1_000, seed=4)
    shared = [draw.shared("a", "b") for draw in histories.each_draw()]
    assert np.mean(shared) == pytest.approx(0.3, abs=0.05)


def test_being_one_person_is_transitive() -> None:
    """Three records of three lists, each like the next: one person on all three."""
    found = links(3, {(0, 1): 0.999999, (1, 2): 0.999999}, on=[0, 1, 2])
    for draw in overlaps(found, draws=20, seed=1).each_draw():
        assert draw.counts[0b111] == 1
        assert draw.observed == 1


def test_a_third_record_like_two_others_is_not_counted_twice() -> None:
    """The weaker of two links to one person adds nothing: evidence is counted once."""
    sure = links(3, {(0, 1): 0.99, (0, 2): 0.4, (1, 2): 0.3})
    odds = np.exp(forest(sure)[2])
    assert sorted(np.round(odds / (1 + odds), 6)) == [0.4, 0.99]


def apart(found: Links, *pairs: tuple[int, int]) -> Links:
    """The links, with pairs that were compared and cannot be one person."""
    left, right = (np.array([pair[i] for pair in pairs]) for i in (0, 1))
    return replace(found, apart_left=left, apart_right=right)


def test_a_record_with_nothing_but_a_name_goes_to_one_of_two_people_and_not_to_both() -> None:
    found = apart(links(3, {(0, 1): 0.5, (1, 2): 0.5}, on=[0, 1, 2]), (0, 2))
    histories = overlaps(found, draws=1_000, seed=2)
    shared = [(d.shared("a", "b"), d.shared("b", "c")) for d in histories.each_draw()]
    assert (1, 1) not in shared
    assert np.mean(shared, axis=0) == pytest.approx([0.375, 0.375], abs=0.05)


@given(any_links(), st.integers(0, 1_000))
@settings(deadline=None)
def test_two_records_that_were_ruled_out_never_come_together(found: Links, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = len(found.on)
    compared = set(zip(found.left.tolist(), found.right.tolist(), strict=True))
    others = [(i, j) for i in range(n) for j in range(i + 1, n) if (i, j) not in compared]
    pairs = [pair for pair in others if rng.random() < 0.5]
    forbidding = apart(found, *pairs) if pairs else found
    branches = forest(forbidding)
    for _ in range(5):
        person = people(forbidding, branches, rng.logistic(size=len(branches[0])))
        assert all(person[i] != person[j] for i, j in pairs)
        assert sorted(set(person.tolist())) == list(range(person.max() + 1))


def test_without_anybody_apart_people_are_what_hangs_together() -> None:
    """Against scipy's own connected components, on many random forests."""
    rng = np.random.default_rng(5)
    for _ in range(50):
        n = int(rng.integers(2, 40))
        pairs = {(i, j): 0.9 for i in range(n) for j in range(i + 1, n) if rng.random() < 1 / n}
        found = links(n, pairs)
        graph = coo_matrix((np.ones(len(pairs)), (found.left, found.right)), shape=(n, n))
        wanted = connected_components(graph, directed=False)[1]
        got = people(found, (found.left, found.right, found.log_odds))
        assert len(set(zip(wanted.tolist(), got.tolist(), strict=True))) == wanted.max() + 1
        assert got.max() == wanted.max()


def test_the_same_woman_three_times_on_one_list_is_on_it_once() -> None:
    found = links(4, {(0, 1): 0.99, (1, 2): 0.99, (2, 3): 0.99}, on=[0, 0, 0, 1])
    histories = overlaps(found, draws=0)
    assert histories.draws is None
    assert (histories.observed, histories.size_of("a"), histories.shared("a", "b")) == (1, 1, 1)


def test_likeliest_people_are_those_of_links_above_one_half() -> None:
    found = links(4, {(0, 1): 0.51, (2, 3): 0.49})
    assert clusters(found).tolist() == [0, 0, 1, 2]


def test_ties_are_broken_by_the_records_and_not_by_chance() -> None:
    pairs = {(i, j): 0.5 for i in range(6) for j in range(i + 1, 6)}
    one = links(6, pairs)
    order = np.random.default_rng(1).permutation(len(one.left))
    other = Links(LISTS, one.on, one.left[order], one.right[order], one.log_odds[order])
    assert overlaps(one, draws=50, seed=2) == overlaps(other, draws=50, seed=2)


def test_nobody_is_linked_where_there_are_no_pairs() -> None:
    histories = overlaps(links(6, {}), draws=3)
    assert histories.observed == 6
    assert histories.people_on(1) == 6


@pytest.mark.parametrize("draws", [1, -1, 1_001])
def test_an_odd_number_of_draws_is_refused(draws: int) -> None:
    with pytest.raises(InputError, match="draws of who is who"):
        overlaps(links(3, {}), draws=draws)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30))
def test_agreement_is_that_of_all_pairs_looked_at_one_by_one(person: list[int]) -> None:
    rng = np.random.default_rng(len(person))
    truth, found = np.array(person), rng.integers(0, 4, len(person))
    pairs = [(i, j) for i in range(len(person)) for j in range(i)]
    same = {(i, j) for i, j in pairs if truth[i] == truth[j]}
    said = {(i, j) for i, j in pairs if found[i] == found[j]}
    precision, recall, f1 = agreement(found, truth)
    assert precision == pytest.approx(len(same & said) / max(len(said), 1))
    assert recall == pytest.approx(len(same & said) / max(len(same), 1))
    assert f1 == pytest.approx(2 * len(same & said) / max(len(same) + len(said), 1))


def test_people_are_counted_by_all_lists_they_are_on() -> None:
    assert count(np.array([0, 1, 2, 0]), np.array([0, 0, 1, 2]), 3).tolist() == [
        0, 1, 0, 1, 1, 0, 0, 0,
    ]  # fmt: skip
