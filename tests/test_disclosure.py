"""What is published of the overlaps, attacked: nothing that is held back can be worked out."""

from __future__ import annotations

import csv
import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import Bounds, LinearConstraint, milp

from darkfigure import tables
from darkfigure.disclosure import Overlaps, publishable_overlaps, safe_rows, sizes_as_text
from darkfigure.errors import InputError
from darkfigure.histories import CaptureHistories
from darkfigure.lists.overlap_table import read_overlap_table

Limits = tuple[int, int]


class Attack:
    """A reader who has the page, knows the rule and has an integer programme.

    The rule makes no difference between combinations, so how many are hidden, on any list or in
    all, is all there is to know of which they are. What the hidden counts may be is gone through by
    how many of them, `merged`, are not small but went in with the small ones.

    Ties with the smallest count shown are left out of the reader's possibilities: they leave fewer
    than there are.
    """

    def __init__(self, shown: Overlaps, lists: int, smallest: int) -> None:
        self.hidden = 2**lists - 1 - len(shown.rows)
        self.others = shown.others or 0
        self.smallest = smallest
        self.least_shown = min((n for _, n in shown.rows), default=None)

    def limits(self, group: int, enough: int) -> Limits:
        """Between what the sum of `group` hidden counts is, or so far apart that it is no help."""
        low, high = self.others + 1, -1
        for merged in range(min(self.hidden - 1, self.others // self.smallest) + 1):
            for inside in range(max(0, merged - self.hidden + group), min(group, merged) + 1):
                for sense in (1, -1):
                    found = self._solve(group, merged, inside, sense)
                    if found is not None:
                        low, high = min(low, found), max(high, found)
                if self.no_help(low, high, enough):
                    return low, high
        return low, high

    def no_help(self, low: int, high: int, enough: int) -> bool:
        return (low <= 0 and high >= self.smallest - 1) or high - low >= enough

    def _solve(self, group: int, merged: int, inside: int, sense: int) -> int | None:
        small, top = self.smallest - 1, (self.least_shown or self.others + 1) - 1
        within = group - inside  # small counts in the group, and outside it
        without = self.hidden - group - merged + inside
        big = 4 * (self.others + top + self.hidden * small + 1)
        names = ["in", "out", "least"]
        names += [f"{kind}{i}" for i in range(merged) for kind in ("v", "in_group", "value")]
        rows: list[tuple[dict[str, float], float, float]] = []

        def below(terms: dict[str, float], most: float, when: str | None = None) -> None:
            """The terms come to no more than `most`; where `when` is 0, they need not."""
            switched = {**terms, when: big} if when else terms
            rows.append((switched, -np.inf, most + (big if when else 0)))

        def above(terms: dict[str, float], least: float, when: str | None = None) -> None:
            below({name: -by for name, by in terms.items()}, -least, when)

        def one_of(*choices: str, when: str | None = None) -> None:
            above({**dict.fromkeys(choices, 1), **({when: -1} if when else {})}, 0 if when else 1)

        def switch(*choices: str) -> None:
            names.extend(choices)

        for name, number in (("in", within), ("out", without)):
            below({name: 1}, number * small)
            above({name: 1, "least": -number}, 0)
        if within + without:
            below({"least": 1}, small)
        elif merged:
            below({"least": 1, "v0": -1}, 0)
        every = {"in": 1.0, "out": 1.0, **{f"v{i}": 1.0 for i in range(merged)}}
        rows.append((every, self.others, self.others))
        for i in range(merged):
            above({f"v{i}": 1}, self.smallest)
            below({f"v{i}": 1}, top)
            below({f"in_group{i}": 1}, 1)
            below({f"value{i}": 1, f"v{i}": -1}, 0)
            below({f"value{i}": 1, f"in_group{i}": -big}, 0)
            above({f"value{i}": 1, f"v{i}": -1, f"in_group{i}": -big}, -big)
            if i:
                above({f"v{i}": 1, f"v{i - 1}": -1}, 0)
        rows.append(({f"in_group{i}": 1 for i in range(merged)}, inside, inside))

        for i in range(merged):  # the rule went on: none of its three answers was a yes
            number = self.hidden - merged + i
            total = {"in": 1.0, "out": 1.0, **{f"v{j}": 1.0 for j in range(i)}}
            after = f"v{i}"
            if number == 1:
                continue
            few, many, no_pair, far, least_far, tied, near, full = (
                f"{kind}_{i}"
                for kind in ("few", "many", "pair", "far", "least", "tied", "near", "full")
            )
            switch(few, many, no_pair, far)
            one_of(few, many)
            below(total, small, few)
            above(total, (number - 1) * small + 1, many)
            below(total, 2 * small, no_pair)
            if number == 2:
                one_of(no_pair, far)
                above({**total, after: -1}, small // 2, far)
            elif number == 3:
                switch(least_far)
                one_of(no_pair, far, least_far)
                above({**total, after: -1}, 2 * small, far)
                above({**total, after: -2}, -1, least_far)
            else:
                one_of(no_pair, far)
                above({**total, after: -1}, small, far)
                if i:
                    switch(tied, near, full)
                    one_of(tied, near, full, when=far)
                    above({**total, after: 1 - number}, 2 - number - self.smallest, full)
                    above({f"v{i - 1}": 1, after: -1}, 0, tied)
                    below({f"v{i - 1}": 1, "least": -1}, small, near)

        if self._by_spread(top):  # the reader can tell that only the third answer was a yes
            if not merged:
                return None
            largest = f"v{merged - 1}"
            below({"least": 1, largest: -1}, -self.smallest)
            if within + without:
                switch("least_in", "least_out")
                one_of("least_in", "least_out")
                for name, number in (("in", within), ("out", without)):
                    if number:
                        most = (number - 1) * small - self.smallest
                        below({name: 1, largest: -1}, most, f"least_{name}")
                    else:
                        below({f"least_{name}": 1}, 0)

        at = {name: i for i, name in enumerate(names)}
        matrix = np.zeros((len(rows), len(names)))
        for i, (terms, _, _) in enumerate(rows):
            for name, by in terms.items():
                matrix[i, at[name]] += by
        aim = np.zeros(len(names))
        aim[[at["in"], *(at[f"value{i}"] for i in range(merged))]] = sense
        upper = [1 if "_" in name and not name.startswith("in_g") else big for name in names]
        found = milp(
            aim,
            integrality=np.ones(len(names)),
            bounds=Bounds(0, upper),
            constraints=LinearConstraint(
                matrix, [low for _, low, _ in rows], [high for *_, high in rows]
            ),
        )
        return None if found.status == 2 else sense * round(found.fun)

    def _by_spread(self, top: int) -> bool:
        n, small, others = self.hidden, self.smallest - 1, self.others
        by_small = small < others <= (n - 1) * small
        return self.least_shown is not None and n > 3 and not by_small and others > top + small


def attack(histories: CaptureHistories, smallest: int) -> Iterator[tuple[str, Limits]]:
    """Every hidden count, and the hidden people of every list, that the reader can tell."""
    shown = publishable_overlaps(histories, smallest)
    if shown.others is None:
        assert len(shown.rows) == 2 ** len(histories.lists) - 1
        return
    reader = Attack(shown, len(histories.lists), smallest)
    sizes = {"one combination": 1}
    for name in histories.lists:
        on = 2 ** (len(histories.lists) - 1) - sum(name in names for names, _ in shown.rows)
        if 0 < on < reader.hidden:
            sizes[f"those on {name}"] = on
    for what, size in sizes.items():
        enough = smallest if size == 1 else smallest - 1  # so many different numbers of people
        low, high = reader.limits(size, enough)
        assert low <= high, "some table must be possible"
        if not reader.no_help(low, high, enough):
            yield what, (low, high)


@pytest.mark.parametrize("smallest", [5, 10])
@pytest.mark.parametrize("name", tables.names())
def test_no_integer_programme_finds_a_hidden_count_of_a_published_table(
    name: str, smallest: int
) -> None:
    assert [*attack(tables.load(name), smallest)] == []


@pytest.mark.parametrize("smallest", [3, 5, 10])
@pytest.mark.parametrize("lists", [2, 3, 4, 5, 6])
def test_no_integer_programme_finds_a_hidden_count_of_a_random_table(
    lists: int, smallest: int
) -> None:
    rng = np.random.default_rng(100 * lists + smallest)
    masks = np.arange(2**lists)
    for _ in range(100):
        sparser = rng.normal(-1.2, 0.8, lists)
        logs = rng.uniform(1, 6) + sum(sparser[j] * (masks >> j & 1) for j in range(lists))
        counts = rng.poisson(np.exp(logs + rng.normal(0, 0.5, masks.size)))
        histories = CaptureHistories([f"list {j}" for j in range(lists)], counts)
        if histories.observed >= smallest:
            assert [*attack(histories, smallest)] == [], counts


def test_a_threshold_alone_is_not_enough() -> None:
    histories = tables.load("diabetes-italy")
    rows = [(tuple(map(str, row.values())), row["count"]) for row in histories.rows()]
    large = [(names, count) for names, count in rows if count >= 10]
    others = histories.observed - sum(count for _, count in large)
    reader = Attack(Overlaps(large, others, {}, True), 4, 10)
    assert (reader.hidden, others) == (2, 15)
    assert [reader._solve(1, 0, 0, sense) for sense in (1, -1)] == [6, 9]


@pytest.mark.parametrize(("lists", "up_to", "smallest"), [(2, 24, 2), (2, 30, 5), (3, 10, 3)])
def test_a_reader_who_goes_through_every_table_finds_no_hidden_count(
    lists: int, up_to: int, smallest: int
) -> None:
    tables_of: dict[tuple[tuple[int, ...], int], list[Sequence[int]]] = defaultdict(list)
    published: dict[tuple[tuple[int, ...], int], Overlaps] = {}
    for values in itertools.combinations_with_replacement(range(up_to + 1), 2**lists - 1):
        if sum(values) < smallest:
            continue
        histories = CaptureHistories([f"list {j}" for j in range(lists)], [0, *values])
        shown = publishable_overlaps(histories, smallest)
        if shown.others is None:
            assert len(shown.rows) == len(values)
        elif shown.rows or shown.others <= up_to:
            hidden = values[: len(values) - len(shown.rows)]
            key = (tuple(count for _, count in shown.rows), shown.others)
            tables_of[key].append(hidden)
            published[key] = shown
    assert tables_of
    for i, ((rows, others), fitting) in enumerate(tables_of.items()):
        untied = [hidden for hidden in fitting if not rows or hidden[-1] < rows[-1]]
        possible = {count for hidden in untied for count in hidden}
        low, high = min(possible), max(possible)
        assert possible >= {*range(smallest)} or high - low >= smallest, (rows, fitting)
        if len(fitting[0]) < 4:  # of two or three, any may be any number in the upper half
            assert possible >= {*range((smallest - 1) // 2, smallest)}, (rows, fitting)
        if i % 20 == 0:  # the integer programme finds what is so
            reader = Attack(published[rows, others], lists, smallest)
            found = reader.limits(1, enough=others + 1)
            assert found == (low, high) or (found[0] == low == 0 and found[1] <= high)


counts = st.integers(2, 4).flatmap(
    lambda k: st.tuples(
        st.just(k),
        st.lists(
            st.one_of(st.just(0), st.integers(0, 12), st.integers(0, 200)),
            min_size=2**k - 1,
            max_size=2**k - 1,
        ),
    )
)


@settings(max_examples=400)
@given(counts, st.integers(1, 12))
def test_no_small_count_is_shown_or_can_be_subtracted(
    table: tuple[int, list[int]], smallest: int
) -> None:
    k, numbers = table
    histories = CaptureHistories([f"list {j}" for j in range(k)], [0, *numbers])
    try:
        shown = publishable_overlaps(histories, smallest)
    except InputError:
        assert sum(numbers) < smallest
        return
    assert all(count >= smallest for _, count in shown.rows)
    assert shown.others is None or shown.others >= smallest
    assert sum(count for _, count in shown.rows) + (shown.others or 0) == histories.observed
    if not shown.others:
        assert not shown.rounded
        assert smallest == 1 or min(numbers) >= smallest
        return
    for name, size in shown.list_sizes.items():
        assert size == sum(count for lists, count in shown.rows if name in lists)


def test_nothing_is_held_back_of_what_is_published_already() -> None:
    shown = publishable_overlaps(CaptureHistories(["a", "b"], [0, 3, 0, 1]), 1)
    assert shown.rows == [(("a",), 3), (("a", "b"), 1)]
    assert shown.others is None
    assert not shown.rounded
    assert sizes_as_text(shown) == {"a": "4", "b": "1"}


def test_too_few_people_for_anything_are_refused() -> None:
    with pytest.raises(InputError, match="nothing can be published"):
        publishable_overlaps(CaptureHistories(["a", "b"], np.array([0, 3, 1, 1])), 10)


@pytest.mark.parametrize("smallest", [1, 10])
def test_a_table_that_leaves_the_coalition_is_not_taken_for_a_whole_one(
    smallest: int, tmp_path: Path
) -> None:
    histories = tables.load("uk-2013-5lists")
    rows = safe_rows(publishable_overlaps(histories, smallest), histories.lists)
    assert sum(int(row["count"]) for row in rows) == histories.observed
    with (tmp_path / "table.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [*histories.lists, "count"])
        writer.writeheader()
        writer.writerows(rows)
    if smallest == 1:
        assert read_overlap_table(tmp_path / "table.csv") == histories
        return
    with pytest.raises(InputError) as refused:
        read_overlap_table(tmp_path / "table.csv")
    assert str(refused.value) == (
        f"{tmp_path / 'table.csv'}, line {len(rows) + 1}: This table holds back small counts; an "
        "estimate needs all of them: give the full table, or the study itself."
    )
