"""Counts stay the counts they were, however they are regrouped."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from darkfigure import tables
from darkfigure.errors import InputError
from darkfigure.histories import UNKNOWN, CaptureHistories


@st.composite
def histories(draw, least=3):
    k = draw(st.integers(least, 5))
    counts = st.lists(st.integers(0, 1000), min_size=1 << k, max_size=1 << k)
    return CaptureHistories("abcde"[:k], draw(counts), notes=["as found"])


def only_on(h, name):
    return int(h.counts[1 << h.lists.index(name)])


@given(histories(), st.data())
def test_dropping_a_list_loses_those_only_on_it(h, data):
    name = data.draw(st.sampled_from(h.lists))
    rest = h.drop(name)
    assert rest.observed + only_on(h, name) == h.observed
    assert rest.lists == tuple(other for other in h.lists if other != name)
    for a in rest.lists:
        for b in rest.lists:
            assert rest.shared(a, b) == h.shared(a, b)
    assert rest.notes == h.notes
    assert rest.counts[0] == UNKNOWN


@given(histories(), st.data())
def test_merging_lists_loses_nobody(h, data):
    names = data.draw(
        st.lists(st.sampled_from(h.lists), min_size=2, max_size=len(h.lists) - 1, unique=True)
    )
    merged = h.merge(names, into="z")
    assert merged.observed == h.observed
    assert merged.lists[-1] == "z"
    rest = [name for name in h.lists if name not in names]
    assert list(merged.lists[:-1]) == rest
    for name in rest:
        assert merged.size_of(name) == h.size_of(name)
    on_any = sum(1 << h.lists.index(name) for name in names)
    masks = np.arange(1, h.counts.size)
    assert merged.size_of("z") == h.counts[1:][masks & on_any > 0].sum()


@given(histories(), st.data())
def test_people_on_a_list_are_those_on_others_too_and_those_only_on_it(h, data):
    name = data.draw(st.sampled_from(h.lists))
    known = h.given(name)
    assert known.observed + only_on(h, name) == h.size_of(name)
    for other in known.lists:
        assert known.size_of(other) == h.shared(name, other)


@given(histories(least=2))
def test_sizes_and_sharing(h):
    assert h.observed == sum(h.people_on(n + 1) for n in range(len(h.lists)))
    assert sum(h.size_of(name) for name in h.lists) == sum(
        (n + 1) * h.people_on(n + 1) for n in range(len(h.lists))
    )
    for a in h.lists:
        for b in h.lists:
            assert h.shared(a, b) == h.shared(b, a) <= min(h.size_of(a), h.size_of(b))
            assert ((a, b) in h.sharing_nobody()) == (a < b and h.shared(a, b) == 0)


@given(histories(least=2))
def test_rows_make_the_same_counts_again(h):
    rows = h.rows()
    again = CaptureHistories.from_patterns(
        h.lists, [[row[n] for n in h.lists] for row in rows], [row["count"] for row in rows]
    )
    assert again == h
    assert hash(again) == hash(h)
    assert again.fingerprint == h.fingerprint


def test_entry_0_is_unknown_and_the_counts_cannot_be_changed():
    h = CaptureHistories("ab", [99, 1, 2, 3])
    assert h.counts[0] == UNKNOWN
    assert h.known.tolist() == [0, 1, 2, 3]
    assert h == CaptureHistories("ab", [float("nan"), 1, 2, 3])
    assert h != CaptureHistories("ab", [0, 1, 2, 4])
    assert h != "something else"
    with pytest.raises(ValueError, match="read-only"):
        h.counts[1] = 5
    assert "6 people on 2 lists" in repr(h)


@pytest.mark.parametrize(
    ("lists", "counts", "sentence"),
    [
        ([], [0], "no lists"),
        (["a"], [0, 1], "only one list"),
        ([str(j) for j in range(21)], [0], "20 is the most"),
        (["a", "a"], [0, 1, 1, 1], "'a' is used more than once"),
        (["a", "b"], [0, 1, 1], "2 lists make 4 combinations"),
        (["a", "b"], [[0, 1], [1, 1]], "2 lists make 4 combinations"),
        (["a", "b"], [0, 1, -1, 1], "cannot be negative"),
        (["a", "b"], [0, 1, 1.5, 1], "whole numbers"),
        (["a", "b"], [0, 1, float("nan"), 1], "whole numbers"),
        (["a", "b"], [0, 1, float("inf"), 1], "whole numbers"),
    ],
)
def test_counts_that_cannot_be_are_refused(lists, counts, sentence):
    with pytest.raises(InputError, match=sentence):
        CaptureHistories(lists, counts)


def test_patterns_that_cannot_be_are_refused():
    with pytest.raises(InputError, match="no list at all"):
        CaptureHistories.from_patterns("ab", [[0, 0]])
    with pytest.raises(InputError, match="must be 0"):
        CaptureHistories.from_patterns("ab", [[2, 0]])
    with pytest.raises(InputError, match="whole numbers"):
        CaptureHistories.from_patterns("ab", [[1, 0]], [1.5])


def test_regrouping_that_cannot_be_is_refused():
    two, three = CaptureHistories("ab", range(4)), CaptureHistories("abc", range(8))
    for act in (three.drop, three.size_of, three.given):
        with pytest.raises(InputError, match="There is no list 'z'"):
            act("z")
    with pytest.raises(InputError, match="There is no list 'z'"):
        three.merge(["a", "z"], into="y")
    with pytest.raises(InputError, match="only one list"):
        two.drop("a")
    with pytest.raises(InputError, match="only one list"):
        two.given("a")
    with pytest.raises(InputError, match="only one list"):
        three.merge(["a", "b", "c"], into="y")
    with pytest.raises(InputError, match="more than once"):
        three.merge(["a", "b"], into="c")


def test_the_merged_uk_table_is_the_uk_table_merged():
    whole, merged = tables.load("uk-2013"), tables.load("uk-2013-5lists")
    assert whole.observed == merged.observed
