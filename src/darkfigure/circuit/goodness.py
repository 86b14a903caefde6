"""Does the multistate model fit? The tests of Pradel, Wintrebert & Gimenez (2003).

The model takes it that people seen in the same city on the same occasion are alike from then on,
whatever came before, and that those who were missed are like those who were seen. Each test is a
set of tables, for each occasion and city, of what came before against what came after:

    3G.SR    new, or seen before          seen again, or never
    3G.SM    where seen before            when seen again
    WBWA     where seen before            where seen next: is there memory of the way?
    M.ITEC   present but not seen         mixtures of those seen: is who was seen seen more at once?
    M.LTEC   the same, of those not seen at once, when and where they are seen later

The tables are those of U-CARE (Choquet et al. 2009). Cells with few people expected are pooled;
where two rows and two columns are left and still few are expected, Fisher's exact test takes the
place of Pearson's. All together, divided by the degrees of freedom, are c-hat, by which variances
are larger than the model says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2, fisher_exact

from darkfigure.circuit.estimates import expected_counts
from darkfigure.circuit.histories import Histories
from darkfigure.circuit.m_array import MArray, m_array
from darkfigure.circuit.multistate import Fit, design_of

Floats = npt.NDArray[np.float64]

FEW = 2.0  # people expected in a cell
_TURNS = 20_000  # of the EM algorithm, at most


@dataclass(frozen=True)
class FitTest:
    """One test, all its tables added up.

    Attributes
    ----------
    name : str
    asks : str
        What it tells if it is significant.
    statistic : float
        Pearson's, chi-squared with `df` degrees of freedom if the model fits.
    df : int
        Zero where there are too few people for any table.
    """

    name: str
    asks: str
    statistic: float
    df: int

    @property
    def p_value(self) -> float:
        """The chance of such a statistic or a larger one if the model fits."""
        return float(chi2.sf(self.statistic, self.df)) if self.df else 1.0


@dataclass(frozen=True)
class Goodness:
    """All tests of a table of histories.

    Attributes
    ----------
    tests : tuple of FitTest
    """

    tests: tuple[FitTest, ...]

    @property
    def statistic(self) -> float:
        """All statistics added up."""
        return sum(test.statistic for test in self.tests)

    @property
    def df(self) -> int:
        """All degrees of freedom added up."""
        return sum(test.df for test in self.tests)

    @property
    def c_hat(self) -> float:
        """The variance over what the model says it is, no less than 1 (Lebreton et al. 1992)."""
        return max(1.0, self.statistic / self.df) if self.df else 1.0

    def to_dict(self) -> dict[str, Any]:
        """The tests and c-hat, ready for JSON."""
        tests = [
            {
                "name": test.name,
                "asks": test.asks,
                "statistic": test.statistic,
                "df": test.df,
                "p_value": test.p_value,
            }
            for test in self.tests
        ]
        return {"tests": tests, "statistic": self.statistic, "df": self.df, "c_hat": self.c_hat}

    def __str__(self) -> str:
        lines = [f"{'':<9}{'X2':>10}{'df':>6}{'p':>9}"]
        for test in self.tests:
            small = test.p_value < 0.0001
            p = "<0.0001" if small else f"{test.p_value:.4f}"
            x = f"{test.statistic:.3f}"
            lines.append(f"{test.name:<9}{x:>10}{test.df:>6}{p:>9}  {test.asks}")
        c_hat = f"c-hat {self.c_hat:.2f}"
        lines.append(f"{'all':<9}{self.statistic:>10.3f}{self.df:>6}{'':>9}  {c_hat}")
        return "\n".join(lines)


def goodness_of_fit(histories: Histories) -> Goodness:
    """Test the multistate model in which all depends on city and time.

    Parameters
    ----------
    histories : Histories

    Returns
    -------
    Goodness

    Examples
    --------
    >>> rows = [[1, 1, 1], [1, 1, 0], [0, 1, 1], [0, 1, 0]]
    >>> print(goodness_of_fit(Histories("A", ("1", "2", "3"), rows, [30, 20, 20, 30])))
                     X2    df        p
    3G.SR         4.000     1   0.0455  people new to it stay less long, or more
    3G.SM         0.000     0   1.0000  when people are seen again hangs on where they were before
    M.ITEC        0.000     0   1.0000  who was just seen is seen at once more, or less
    M.LTEC        0.000     0   1.0000  who was just seen is seen later at another time or place
    all           4.000     1           c-hat 4.00
    """
    several = len(histories.cities) > 1
    tables = list(_before_and_after(histories))
    counts = m_array(histories)
    parts = [
        ("3G.SR", "people new to it stay less long, or more", map(_sr, tables)),
        (
            "3G.SM",
            "when people are seen again hangs on where they were before",
            (part for table in tables for part in _sm(table, several)),
        ),
    ]
    if several:
        asks = "where people go hangs on where they were before"
        parts.append(("WBWA", asks, map(_wbwa, tables)))
    parts += [
        (
            "M.ITEC",
            "who was just seen is seen at once more, or less",
            (_mixture(*each) for each in _mixtures(counts, at_once=True)),
        ),
        (
            "M.LTEC",
            "who was just seen is seen later at another time or place",
            (_mixture(*each) for each in _mixtures(counts, at_once=False)),
        ),
    ]
    tests = []
    for name, asks, each in parts:
        found = list(each)
        statistic, df = sum(x for x, _ in found), sum(n for _, n in found)
        tests.append(FitTest(name, asks, float(statistic), df))
    return Goodness(tuple(tests))


def pearson(histories: Histories, found: Fit) -> FitTest:
    """Pearson's test of one fitted model: who was seen next when and where, against what it says.

    Of the people seen in one city on one occasion, all cells of the m-array that fewer than two
    are expected in are taken together.

    Parameters
    ----------
    histories : Histories
        What was fitted.
    found : Fit

    Returns
    -------
    FitTest
        Its degrees of freedom are those of the cells less the estimable parameters.

    Examples
    --------
    >>> from darkfigure.circuit.multistate import fit
    >>> h = Histories("A", ("1", "2", "3"), [[1, 1, 0], [1, 0, 1], [1, 1, 1]], [20, 9, 30])
    >>> pearson(h, fit(h)).df
    1
    """
    counts = m_array(histories)
    model = expected_counts(design_of(histories, found).natural(found.beta), counts.released)
    statistic, cells = 0.0, 0
    for t, r in zip(*np.nonzero(counts.released), strict=True):
        seen = np.append(counts.again[t, r, t:].ravel(), counts.never[t, r])
        expected = np.append(model.again[t, r, t:].ravel(), model.never[t, r])
        many = expected >= FEW
        seen = np.append(seen[many], seen[~many].sum())
        expected = np.append(expected[many], expected[~many].sum())
        used = expected > 0
        statistic += float(np.sum((seen - expected)[used] ** 2 / expected[used]))
        cells += int(used.sum()) - 1
    df = max(0, cells - found.estimable)
    return FitTest("Pearson", "this model does not fit", statistic, df)


def _before_and_after(histories: Histories) -> Iterator[Floats]:
    """For each occasion but the ends and each city, who came from where and went on to where.

    Shape (R + 1, T - 1 - t, R + 1): where seen last before, 0 for nowhere; how many occasions
    later seen next; where, 0 for never (all in the first).
    """
    patterns, freq = histories.patterns, histories.freq
    cities, occasions = len(histories.cities), len(histories.occasions)
    for t in range(1, occasions - 1):
        past, future = patterns[:, t - 1 :: -1], patterns[:, t + 1 :]
        rows = np.arange(len(patterns))
        before = past[rows, (past > 0).argmax(axis=1)]
        when = (future > 0).argmax(axis=1)
        after = future[rows, when]
        for city in range(1, cities + 1):
            table = np.zeros((cities + 1, occasions - 1 - t, cities + 1))
            here = patterns[:, t] == city
            np.add.at(table, (before[here], when[here], after[here]), freq[here])
            yield table


def _sr(table: Floats) -> tuple[float, int]:
    again, never = table[:, :, 1:].sum(axis=(1, 2)), table[:, 0, 0]
    both = np.array([again, never]).T
    return _independent(np.array([both[0], both[1:].sum(axis=0)]), pool=False)


def _sm(table: Floats, several: bool) -> Iterator[tuple[float, int]]:
    again = table[:, :, 1:]
    flat = again.reshape(len(table), -1)
    yield _independent(np.array([flat[0], flat[1:].sum(axis=0)]))
    if several:
        yield _independent(np.array([flat[1:].sum(axis=1), table[1:, 0, 0]]).T)
        for city in range(again.shape[2]):
            yield _independent(again[1:, :, city])


def _wbwa(table: Floats) -> tuple[float, int]:
    return _independent(table[1:, :, 1:].sum(axis=1))


def _expected(table: Floats) -> Floats:
    by_chance: Floats = np.outer(table.sum(axis=1), table.sum(axis=0)) / max(table.sum(), 1.0)
    return by_chance


def _smallest(expected: Floats) -> tuple[int, int]:
    """Row and column of the smallest cell; of several the one most to the left, then the top."""
    column, row = np.unravel_index(np.argmin(expected.T), expected.T.shape)
    return int(row), int(column)


def _merge(table: Floats, axis: int, into: int, most: int | None = None) -> Floats:
    """Add the row (axis 0) or column (1) with the fewest people, of the first `most`, to one."""
    sums = table.sum(axis=1 - axis)[:most]
    if into < len(sums):
        sums[into] = np.inf
    least = int(np.argmin(sums))
    merged = table.copy()
    if axis == 0:
        merged[into] += table[least]
    else:
        merged[:, into] += table[:, least]
    return np.delete(merged, least, axis)


def _independent(table: Floats, *, pool: bool = True) -> tuple[float, int]:
    """Pearson's statistic of a table, or what Fisher's exact test is worth, and its df."""
    if min(table.shape) < 2 or not table.any():
        return 0.0, 0
    while pool and max(table.shape) > 2:
        expected = _expected(table)
        row, column = _smallest(expected)
        if expected[row, column] >= FEW:
            break
        axis = 1 if table[row].mean() > table[:, column].mean() else 0
        if 2 in table.shape:
            axis = 1 - table.shape.index(2)
        table = _merge(table, axis, (row, column)[axis])
    expected = _expected(table)
    if not expected.all():
        return 0.0, 0
    df = (table.shape[0] - 1) * (table.shape[1] - 1)
    if expected.min() < FEW:
        return float(chi2.isf(fisher_exact(table)[1], df)), df
    return float(np.sum((table - expected) ** 2 / expected)), df


def _mixtures(counts: MArray, *, at_once: bool) -> Iterator[tuple[Floats, Floats]]:
    """For each occasion, people last seen before it, and those seen on it, by when and where next.

    Those seen before, by their city, are mixtures of what those seen on it are, by theirs: they
    were in one of the cities then, and were missed (Pradel, Wintrebert & Gimenez 2003).
    """
    steps, cities = counts.again.shape[:2]
    for t in range(1, steps - (1 if at_once else 2)):
        before = counts.again[:t, :, t:].sum(axis=0)
        now = counts.again[t, :, t:]
        if at_once:
            parted = [
                np.concatenate([each[:, 0], each[:, 1:].sum(axis=1)], axis=1)
                for each in (before, now)
            ]
        else:
            parted = [each[:, 1:].reshape(cities, -1) for each in (before, now)]
        yield parted[0], parted[1]


def _mixture(mixed: Floats, bases: Floats) -> tuple[float, int]:
    """Pearson's statistic of rows that are mixtures of other rows, and its degrees of freedom."""
    whole = len(bases)
    if not bases.sum(axis=1).all() or not mixed.any():
        return 0.0, 0
    table = np.concatenate([mixed, bases])
    if whole == 1:  # a mixture of one is that one
        return _independent(table)
    while True:
        expected = _expected(table)
        row, column = _smallest(expected)
        if expected[row, column] >= FEW:
            break
        if table.shape[1] > whole + 1:
            table = _merge(table, 1, column)
        elif len(table) > whole + 1 and row < len(table) - whole:
            table = _merge(table, 0, row, most=len(table) - whole)
        else:  # too few people for a test
            return 0.0, 0
    mixed, bases = table[:-whole], table[-whole:]
    mixed = mixed[mixed.any(axis=1)]
    df = len(mixed) * (table.shape[1] - whole)
    if df <= 0:
        return 0.0, 0
    chances = (bases + 0.5) / (bases + 0.5).sum(axis=1, keepdims=True)
    shares = np.full((len(mixed), whole), 1.0 / whole)
    for _ in range(_TURNS):  # EM: whose share of a mixture a person is of
        theirs = shares[:, :, None] * chances
        theirs *= (mixed / np.maximum(theirs.sum(axis=1), 1e-300))[:, None]
        people = bases + theirs.sum(axis=0)
        updated = people / people.sum(axis=1, keepdims=True)
        shares = theirs.sum(axis=2) / mixed.sum(axis=1, keepdims=True)
        moved = np.abs(updated - chances).max()
        chances = updated
        if moved < 1e-10:
            break
    seen = np.concatenate([mixed, bases])
    expected = seen.sum(axis=1, keepdims=True) * np.concatenate([shares @ chances, chances])
    cells = expected > 0
    return float(np.sum((seen - expected)[cells] ** 2 / expected[cells])), df
