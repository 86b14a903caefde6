"""When lists cannot carry a number: the reason, what to do, and a lower bound instead.

Every rule stands here with its number and the reason for it; `docs/estimators/refusal.md` shows
what they do to every table that ships. Hard rules are few, for where no method has an answer: they
hold for all of them. Soft ones say that a number would look better than it is; a method that
chooses for its user refuses by them, and to a user who chose the method those that the counts alone
give are warnings.

What is given instead is Chao's bound (1987), in the form for lists of unequal reach (Rivest &
Baillargeon 2007): with n_i people on list i alone, n_ij on exactly i and j, and people who differ
in how easily any list finds them,

    unseen >= sum of n_i n_j / sum of n_ij        (both over all pairs i < j),

because each n_i n_j / n_ij is Lincoln and Petersen's estimate among the people seen no more than
twice, and people who are easily found are more than their share among those seen twice. Lists that
lead to one another make it smaller still. Lists that keep people from one another can make it too
large; pairs of which there is no sign that they reach the same people are left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import combinations
from statistics import NormalDist
from typing import Any

import numpy as np

from darkfigure.errors import NoEstimateError
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.size.search import best_models, cannot_answer

SHARED = 10
"""People on two lists or more. The logarithm of the unseen has a standard error of at least one
over the root of their number: with fewer than ten the ends of a 95 % interval are more than 3.4
times apart under the best of models, and one match that was missed moves the total by a tenth."""

INSIDE = 0.95
"""The share of a list that is on one other list. The overlap then says how the one list is made
from the other, and nothing of the people on neither."""

ENOUGH = 20
"""A list with fewer people can lie inside another by chance: of 20 that are there with a chance of
0.8, all 20 are once in ninety times."""

NEARLY_ALL = 0.95
"""The share of all who were seen that are on one list. What that list misses is then told by the
other twentieth."""

CHANCE = 0.05
"""With less than this chance a group of lists shares nobody with the others, if its people are on
several lists as often as theirs. A list of a few people may well share nobody."""

LIST = 10.0
"""The factor by which leaving out one list moves the total: an order of magnitude. The total is
then a statement about that list."""

PERSON = 3.0
"""The factor by which one person more or fewer moves the total. A missed match is such a person,
and no linkage is without one."""

WIDTH = 20.0
"""Upper limit over lower. Such a range does not tell 1,000 from 20,000 people; the lower bound says
as much and does not look like a number."""

WORK = 1 << 22  # cells fitted in one search with something gone, as in `check`

Again = Callable[[CaptureHistories], float]
"""The total of other counts by the same method; infinite where there is none."""


@dataclass(frozen=True)
class Reason:
    """Why a number is refused.

    Attributes
    ----------
    rule : str
        The name of the rule, as in the documentation.
    sentence : str
        What was found, and what to do.
    hard : bool
        Whether it holds for a method that was asked for by name as well.
    """

    rule: str
    sentence: str
    hard: bool = False


@dataclass(frozen=True)
class LowerBound:
    """The least number of people that the counts can be explained by.

    Attributes
    ----------
    people : float
        The bound, never below `observed`.
    limit : float
        There are at least so many with confidence `level`, chance in the bound allowed for.
    level : float
    observed : int
    """

    people: float
    limit: float
    level: float
    observed: int

    def __str__(self) -> str:
        if self.people <= self.observed:
            return (
                f"What is certain: at least the {self.observed:,} people who were seen. The lists "
                "say nothing of others."
            )
        return (
            f"What can be said: at least {math.floor(self.limit):,} people in all "
            f"({100 * self.level:g} % confidence; best guess of the least number "
            f"{self.people:,.0f}), {self.observed:,} of whom were seen. It holds where people "
            "differ in how easily they are found and where lists lead to one another, not where "
            "one list keeps people from another or matches were missed."
        )


class Refused(NoEstimateError):
    """No number, for these reasons; `bound` is what can be said instead."""

    def __init__(self, reasons: Sequence[Reason], bound: LowerBound) -> None:
        self.reasons, self.bound = tuple(reasons), bound
        super().__init__("\n".join([*(reason.sentence for reason in reasons), str(bound)]))

    def to_dict(self) -> dict[str, Any]:
        """As plain values for JSON."""
        refused = [{"rule": reason.rule, "reason": reason.sentence} for reason in self.reasons]
        return {"refused": refused, "lower_bound": asdict(self.bound)}


def refuse(histories: CaptureHistories, reasons: Sequence[Reason]) -> None:
    """Give no number where there are reasons, but the lower bound.

    Raises
    ------
    Refused
        If there is any reason.

    Examples
    --------
    >>> h = CaptureHistories("ab", [0, 300, 250, 7])
    >>> refuse(h, refusals(h))
    Traceback (most recent call last):
    ...
    darkfigure.size.refusal.Refused: Only 7 people are on two lists or more, ...
    """
    if reasons:
        raise Refused(reasons, lower_bound(histories))


@contextmanager
def or_lower_bound(histories: CaptureHistories) -> Iterator[None]:
    """Whatever is refused within, by a hard rule or a method, comes with the lower bound.

    Raises
    ------
    Refused
        If the counts cannot answer, whoever found out.
    """
    refuse(histories, [reason for reason in refusals(histories) if reason.hard])
    try:
        yield
    except Refused:
        raise
    except NoEstimateError as error:
        refuse(histories, [Reason("no estimate", str(error), hard=True)])


def refusals(histories: CaptureHistories) -> list[Reason]:
    """The reasons to refuse a number that the counts alone give, before any method.

    Parameters
    ----------
    histories : CaptureHistories
        Draws of who is who are left aside.

    Returns
    -------
    list of Reason
        The hard ones first; empty where nothing speaks against trying.

    Examples
    --------
    >>> [reason.rule for reason in refusals(CaptureHistories("ab", [0, 300, 250, 120]))]
    []
    >>> [reason.rule for reason in refusals(CaptureHistories("ab", [0, 300, 250, 0]))]
    ['nobody shared']
    >>> print(refusals(CaptureHistories("ab", [0, 300, 250, 7]))[0].sentence)
    Only 7 people are on two lists or more, fewer than 10: each of them moves the total by ...
    """
    together = histories.observed - histories.people_on(1)
    if histories.observed == 0:
        said = "Nobody is on any of the lists; there is nothing to estimate from."
        return [Reason("nobody", said, hard=True)]
    if together == 0:
        return [Reason("nobody shared", cannot_answer(histories), hard=True)]
    if len(histories.lists) == 2 and 0 in histories.counts[1:3]:
        return [Reason("list inside another", cannot_answer(histories), hard=True)]
    found = [*_copies(histories), *_inside(histories)]
    if together < SHARED:
        who = "one person is" if together == 1 else f"{together} people are"
        said = (
            f"Only {who} on two lists or more, fewer than {SHARED}: each of them moves the total "
            "by a tenth or more. Look for missed matches, take a longer period, or add a list."
        )
        found.append(Reason("few shared", said))
    found.extend(_apart(histories))
    large = max(histories.lists, key=histories.size_of)
    if histories.size_of(large) >= NEARLY_ALL * histories.observed:
        outside = histories.observed - histories.size_of(large)
        said = (
            f"Nearly everybody who was seen, {_percent(histories.size_of(large), histories)}, is "
            f"on the list “{large}”: what it misses is told by the {outside:,} others alone. Take "
            "it for the population, or add lists that are kept apart from it."
        )
        found.append(Reason("one list has nearly all", said))
    return found


def soft_refusals(
    histories: CaptureHistories,
    estimate: Estimate,
    *,
    again: Again | None = None,
    persons: bool = True,
) -> list[Reason]:
    """The reasons not to stand by an estimate, those of the counts included.

    Parameters
    ----------
    histories : CaptureHistories
        What it was made from.
    estimate : Estimate
        Whose interval is looked at.
    again : callable, optional
        The total of other counts by the same method, infinite for none: it is called without each
        list, and with one person more and one fewer of each kind. The total of the best model by
        BIC when left out.
    persons : bool
        Whether to try one person more and one fewer of each kind.

    Examples
    --------
    >>> from darkfigure.size.independent import independent
    >>> h = CaptureHistories("abc", [0, 300, 250, 120, 280, 90, 100, 40])
    >>> soft_refusals(h, independent(h, bootstrap=0))
    []
    """
    again = again or best_total
    histories = histories.settled
    found = refusals(histories)
    if any(reason.hard for reason in found):
        return found
    total = again(histories)
    found.extend(_hangs_on_a_list(histories, total, again))
    if persons:
        found.extend(_hangs_on_a_person(histories, total, again))
    if estimate.upper > WIDTH * estimate.lower:
        upper = "no upper limit" if math.isinf(estimate.upper) else f"to {estimate.upper:,.0f}"
        said = (
            f"The range of the estimate runs from {estimate.lower:,.0f} {upper}: that is no "
            "answer. More people on several lists are needed."
        )
        found.append(Reason("wide", said))
    return found


def best_total(histories: CaptureHistories) -> float:
    """The total under the best model by BIC; infinite where no model has an estimate."""
    try:
        order = None if len(histories.lists) <= 6 else 2
        found = best_models(histories, max_order=order, budget=WORK >> len(histories.lists))
    except NoEstimateError:
        return math.inf
    total = float(found.total[0])
    return total if math.isfinite(total) else math.inf


def lower_bound(histories: CaptureHistories, level: float = 0.95) -> LowerBound:
    """The least number of people that the counts can be explained by, with a one-sided limit.

    Parameters
    ----------
    histories : CaptureHistories
        Counts over any number of lists.
    level : float
        Confidence of the limit, between 0 and 1.

    Notes
    -----
    The bound of the introduction with one added to the people on exactly two lists, so that its
    expectation does not run away where they are few (as Chapman's estimate; Chao 1989), worked out
    within each group of lists that are linked by shared people; the group that says most counts.
    The limit is on the logarithm of the unseen, by the delta method.

    Chao (1987), Biometrics 43; Rivest & Baillargeon (2007), Biometrics 63.

    Examples
    --------
    >>> bound = lower_bound(CaptureHistories("ab", [0, 60, 40, 19]))
    >>> bound.people, round(bound.limit), bound.observed
    (239.0, 192, 119)
    >>> print(lower_bound(CaptureHistories("ab", [0, 60, 40, 0])))
    What is certain: at least the 100 people who were seen. The lists say nothing of others.
    """
    people = limit = float(histories.observed)
    on = np.bitwise_count(np.arange(histories.counts.size))
    for group in groups(histories):
        bits = [1 << histories.lists.index(name) for name in group]
        inside = np.flatnonzero(np.arange(on.size) & sum(bits))
        alone = histories.known[bits]
        pairs = float(alone.sum() ** 2 - (alone**2).sum()) / 2
        if len(group) == 1 or pairs == 0:
            continue
        shared = 1 + int(histories.counts[inside][on[inside] == 2].sum())
        variance = float((alone * (alone.sum() - alone) ** 2).sum()) / pairs**2 + 1 / shared
        seen = _people_on(histories, group)
        shrink = math.exp(-NormalDist().inv_cdf(level) * math.sqrt(variance))
        people = max(people, seen + pairs / shared)
        limit = max(limit, seen + shrink * pairs / shared)
    return LowerBound(people, limit, level, histories.observed)


def groups(histories: CaptureHistories) -> list[tuple[str, ...]]:
    """The lists in groups that are linked by shared people, each in the order of the lists.

    Lists with nobody on them are in none.

    Examples
    --------
    >>> groups(CaptureHistories("abc", [0, 9, 8, 3, 7, 0, 0, 0]))
    [('a', 'b'), ('c',)]
    """
    together: list[set[str]] = [{name} for name in histories.lists if histories.size_of(name)]
    for a, b in combinations(histories.lists, 2):
        if histories.shared(a, b):
            joined = [group for group in together if a in group or b in group]
            together = [group for group in together if group not in joined] + [set().union(*joined)]
    ordered = [tuple(name for name in histories.lists if name in group) for group in together]
    return sorted(ordered, key=lambda group: histories.lists.index(group[0]))


def _copies(histories: CaptureHistories) -> Iterator[Reason]:
    for a, b in combinations(histories.lists, 2):
        if histories.size_of(a) == histories.size_of(b) == histories.shared(a, b) >= ENOUGH:
            said = (
                f"The lists “{a}” and “{b}” have exactly the same people: one is a copy of the "
                "other. Leave one out."
            )
            yield Reason("copy of a list", said, hard=True)


def _inside(histories: CaptureHistories) -> Iterator[Reason]:
    for a in histories.lists:
        size = histories.size_of(a)
        if size < ENOUGH:
            continue
        for b in histories.lists:
            shared = histories.shared(a, b)
            copied = shared == size == histories.size_of(b)
            if b != a and shared >= INSIDE * size and not copied:
                said = (
                    f"{shared:,} of the {size:,} people on the list “{a}” are on “{b}” as well: "
                    "the one is made from the other, and their overlap says nothing of the people "
                    f"on neither. Leave “{a}” out, or merge the two."
                )
                yield Reason("list inside another", said)


def _apart(histories: CaptureHistories) -> Iterator[Reason]:
    """Groups that share nobody though, going by the other people, some of theirs should be."""
    apart = {group: _people_on(histories, group) for group in groups(histories)}
    main = max(apart, key=lambda group: apart[group])
    shared = (histories.observed - histories.people_on(1)) / apart[main]
    far = [group for group in apart if group != main and (1 - shared) ** apart[group] < CHANCE]
    if far:
        named = "; ".join(_names(group) for group in (main, *far))
        said = (
            f"The lists fall into groups that share nobody: {named}. Nothing tells whether they "
            "reach the same people. Look for missed matches, or estimate each group by itself."
        )
        yield Reason("groups apart", said)


def _people_on(histories: CaptureHistories, names: Sequence[str]) -> int:
    """How many people are on any of these lists."""
    bits = sum(1 << histories.lists.index(name) for name in names)
    return int(histories.counts[(np.arange(histories.counts.size) & bits) > 0].sum())


def _hangs_on_a_list(histories: CaptureHistories, total: float, again: Again) -> Iterator[Reason]:
    if len(histories.lists) < 3:
        return
    for name in histories.lists:
        left = histories.drop(name)
        # With too few shared, or none, the total without the list is no measure of anything.
        if left.observed - left.people_on(1) < SHARED or any(r.hard for r in refusals(left)):
            continue
        without = again(left)
        if LIST < _factor(without, total) < math.inf:
            said = (
                f"Without the list “{name}” the total would be {without:,.0f} instead of "
                f"{total:,.0f}: it is a statement about that list. Find out whom “{name}” reaches "
                "that the others do not."
            )
            yield Reason("hangs on one list", said)


def _hangs_on_a_person(histories: CaptureHistories, total: float, again: Again) -> Iterator[Reason]:
    worst, moved, where = 1.0, total, ""
    for mask in np.flatnonzero(histories.known):
        for step, word in ((-1, "fewer"), (1, "more")):
            counts = histories.counts.copy()
            counts[mask] += step
            changed = again(CaptureHistories(histories.lists, counts))
            if _factor(changed, total) > worst:
                worst, moved = _factor(changed, total), changed
                names = [n for j, n in enumerate(histories.lists) if mask >> j & 1]
                where = f"one person {word} on exactly {_names(names)}"
    if worst > PERSON:
        becomes = "there is no estimate" if math.isinf(moved) else f"the total is {moved:,.0f}"
        said = (
            f"With {where} {becomes}; as it is, {total:,.0f}. A number that one person decides is "
            "none. Look for missed matches, or merge lists of the same kind of agency."
        )
        yield Reason("hangs on one person", said)


def _factor(a: float, b: float) -> float:
    return math.inf if math.isinf(a) or math.isinf(b) else max(a / b, b / a)


def _names(names: Sequence[str]) -> str:
    *first, last = (f"“{name}”" for name in names)
    return f"{', '.join(first)} and {last}" if first else last


def _percent(part: int, histories: CaptureHistories) -> str:
    return f"{math.floor(1000 * part / histories.observed) / 10:g} %"
