"""People with covariates: a frame, checked and put together into cells.

A cell is the people who are alike in every covariate and on the same lists. Cells stand in an order
of their own, and lists and covariates by name, so that no answer depends on the order of anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from darkfigure.errors import InputError
from darkfigure.histories import MAX_LISTS, CaptureHistories
from darkfigure.size._chances import Covariates

MOST_LEVELS = 100
PER_LEVEL = 5  # people that each value of a covariate in words needs on average
MOST_PEOPLE = 10_000_000


@dataclass(frozen=True)
class People:
    """The people as cells, alike in every covariate and on the same lists, in a fixed order."""

    lists: list[str]
    masks: npt.NDArray[np.int64]
    number: npt.NDArray[np.int64]
    names: list[str]
    covariates: Covariates
    levels: dict[str, list[str]]
    notes: list[str]

    @property
    def observed(self) -> int:
        return int(self.number.sum())

    def on(self, name: str) -> npt.NDArray[np.bool_]:
        return (self.masks >> self.lists.index(name) & 1).astype(bool)

    def on_either(self, a: str, b: str) -> npt.NDArray[np.int64]:
        """How many people of each cell are on one of two lists."""
        return np.where(self.on(a) | self.on(b), self.number, 0)

    def sharing_nobody(self, a: str, b: str, least: int) -> list[tuple[str, str]]:
        """The groups of people, `least` or more on two lists, of whom not one is on both."""
        found = []
        for j, (name, levels) in enumerate(self.levels.items()):
            codes = self.covariates.groups[:, j]
            either = np.bincount(codes, self.on_either(a, b), len(levels))
            both = np.bincount(codes, self.number * (self.on(a) & self.on(b)), len(levels))
            found += [(name, levels[i]) for i in np.flatnonzero((either >= least) & (both == 0))]
        return found

    @property
    def learned(self) -> int:
        """How many things the covariates can say: measurements, and values beyond the first."""
        numbers = int(self.covariates.numbers.shape[1])
        return numbers + sum(len(values) - 1 for values in self.levels.values())

    @property
    def histories(self) -> CaptureHistories:
        counts = np.bincount(self.masks, self.number, 1 << len(self.lists)).astype(np.int64)
        return CaptureHistories(self.lists, counts)


def known(
    people: Any, lists: Sequence[str], covariates: Sequence[str], count: str | None
) -> People:
    """The people of a frame, checked."""
    import narwhals as nw
    import polars as pl

    try:
        native: Any = nw.from_native(people)
        frame = (native.collect() if isinstance(native, nw.LazyFrame) else native).to_polars()
    except (TypeError, AttributeError, nw.exceptions.NarwhalsError) as error:
        raise InputError(f"A dataframe was expected, not {type(people).__name__}.") from error
    _check_columns(frame.columns, lists, covariates, count)
    notes: list[str] = []
    number = pl.lit(1, pl.Int64).alias("number") if count is None else _whole(frame[count])
    columns = {f"list {name}": _yes_or_no(frame[name]) for name in sorted(lists)}
    columns |= {f"covariate {name}": _covariate(frame[name]) for name in sorted(covariates)}
    table = pl.DataFrame(columns).with_columns(number.alias("number")).filter(pl.col("number") > 0)
    if table.filter(pl.max_horizontal(pl.col("^list .*$")) == 0).height:
        raise InputError("A row is on no list at all; nobody can have counted such people.")
    observed = int(table["number"].sum())
    if not observed:
        raise InputError("Nobody is on any of the lists; there is nothing to estimate from.")
    if observed > MOST_PEOPLE:
        raise InputError(
            f"{observed:,} people are more than the {MOST_PEOPLE:,} that can be learned from; take "
            "a sample of them, or strata."
        )
    for name in sorted(covariates):
        if table[f"covariate {name}"].n_unique() == 1:
            notes.append(f"Left out the covariate '{name}': it is the same for everybody.")
            table = table.drop(f"covariate {name}")
    keys = [name for name in table.columns if name != "number"]
    cells = table.group_by(keys).agg(pl.col("number").sum()).sort(keys)
    weight = cells["number"].to_numpy().astype(np.float64)
    numbers, groups, levels = [], [], {}
    for key in (key for key in keys if key.startswith("covariate ")):
        name, column = key.removeprefix("covariate "), cells[key]
        if column.dtype == pl.Float64:
            values = column.to_numpy()
            values = values - np.average(values, weights=weight)
            numbers.append(values / np.sqrt(np.average(values**2, weights=weight)))
        else:
            levels[name], codes = _codes(name, column.to_numpy(), observed)
            groups.append(codes)
    on = np.stack([cells[f"list {name}"].to_numpy() for name in sorted(lists)], axis=1)
    return People(
        lists=sorted(lists),
        masks=on @ (1 << np.arange(len(lists), dtype=np.int64)),
        number=cells["number"].to_numpy().astype(np.int64),
        names=[key.removeprefix("covariate ") for key in keys if key.startswith("covariate ")],
        covariates=Covariates(
            np.column_stack(numbers) if numbers else np.empty((cells.height, 0)),
            np.column_stack(groups) if groups else np.empty((cells.height, 0), np.int64),
        ),
        levels=levels,
        notes=notes,
    )  # fmt: skip


def _check_columns(
    columns: Sequence[str], lists: Sequence[str], covariates: Sequence[str], count: str | None
) -> None:
    problems = []
    if not 2 <= len(lists) <= MAX_LISTS:
        problems.append(f"Name 2 to {MAX_LISTS} columns that are lists, not {len(lists)}.")
    roles = [*lists, *covariates, *([] if count is None else [count])]
    for name in dict.fromkeys(roles):
        if name not in columns:
            problems.append(f"There is no column '{name}' among {', '.join(map(repr, columns))}.")
        if roles.count(name) > 1:
            problems.append(
                f"The column '{name}' is named {roles.count(name)} times; it has one role."
            )
    if problems:
        raise InputError(problems)


def _yes_or_no(column: Any) -> Any:
    import polars as pl

    values = column.fill_null(0) if column.dtype.is_numeric() else column.fill_null(False)
    if column.dtype != pl.Boolean and not (
        column.dtype.is_numeric() and bool(values.is_in([0, 1]).all())
    ):
        raise InputError(f"The column '{column.name}' is no list: it must hold 0 and 1 only.")
    return values.cast(pl.Int64)


def _whole(column: Any) -> Any:
    import polars as pl

    fine = column.dtype.is_numeric() and not column.null_count()
    if fine and column.dtype.is_float():
        fine = bool(column.is_finite().all()) and bool((column == column.floor()).all())
    if not fine or bool((column < 0).any()) or bool((column > MOST_PEOPLE).any()):
        raise InputError(
            f"The column '{column.name}' is no count: it must hold whole numbers, 0 or more and at "
            f"most {MOST_PEOPLE:,}, and none may be missing."
        )
    return column.cast(pl.Int64)


def _covariate(column: Any) -> Any:
    """A covariate as float, or as text where its values are groups; nothing may be missing."""
    import polars as pl

    name = column.name
    if column.dtype.is_numeric():
        values = column.cast(pl.Float64)
        missing = int((~values.is_finite()).fill_null(True).sum())
    elif column.dtype in (pl.String, pl.Boolean, pl.Categorical, pl.Enum):
        values = column.cast(pl.String).str.strip_chars()
        missing = int((values == "").fill_null(True).sum())
    else:
        raise InputError(
            f"The covariate '{name}' holds neither numbers nor words; make an age or a group of it."
        )
    if missing:
        raise InputError(
            f"The covariate '{name}' is missing or not a number in {missing:,} rows. Write "
            "'unknown' as a value of its own where it is in words; leave it out where it is a "
            "number, or fill it in many times and combine the answers."
        )
    if values.dtype == pl.Float64 and values.len() and float(values.abs().max()) > 1e100:
        raise InputError(f"The covariate '{name}' has a number beyond all measure; check it.")
    return values


def _codes(
    name: str, values: npt.NDArray[Any], people: int
) -> tuple[list[str], npt.NDArray[np.int64]]:
    levels, codes = np.unique(values.astype(str), return_inverse=True)
    if len(levels) > MOST_LEVELS or len(levels) * PER_LEVEL > max(people, 2 * PER_LEVEL):
        raise InputError(
            f"The covariate '{name}' has {len(levels):,} different values for {people:,} people: "
            f"it must put them into groups, at most {MOST_LEVELS} with {PER_LEVEL} people each on "
            "average. A name or a number of a person is no covariate."
        )
    return levels.tolist(), codes.reshape(-1).astype(np.int64)
