"""Tables of covariates: numbers known of cities and occasions, read from a file."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt

from darkfigure.circuit.histories import Histories
from darkfigure.errors import InputError, Problem
from darkfigure.table_file import rows_of

Floats = npt.NDArray[np.float64]


def read_covariates(path: str | Path, histories: Histories) -> dict[str, Floats]:
    """Read covariates from a CSV file.

    Parameters
    ----------
    path : str or Path
        With a column `city`, a column `occasion`, or both, and one column for each covariate: one
        row for each city, each occasion, or each city and occasion of the histories. More rows
        than these do no harm.
    histories : Histories

    Returns
    -------
    dict
        Each covariate by its name: shape (R,), (T, 1) or (T, R).

    Raises
    ------
    InputError
        With line and column: for a file without such columns, a number that is none, a row that is
        there twice, or a city or occasion that has no row.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> h = Histories(("Reno", "Oakland"), ("May", "June"), [[1, 0], [1, 2]])
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "police.csv")
    ...     _ = file.write_text("city,officers\\nOakland,700\\nReno,330\\n")
    ...     read_covariates(file, h)
    {'officers': array([330., 700.])}
    """
    file = str(path)
    rows = rows_of(file)
    _, header = next(rows, (1, []))
    keys = [name for name in ("city", "occasion") if name in header]
    names = [name for name in header if name not in keys]
    if not keys or not names:
        told = "Expected: a column 'city', 'occasion' or both, and one for each covariate."
        raise InputError(Problem(told, file=file, line=1))
    if twice := sorted({name for name in header if header.count(name) > 1}):
        raise InputError(Problem("This column is there more than once.", file, 1, twice[0]))
    known = {"city": histories.cities, "occasion": histories.occasions}
    found = {name: np.full([len(known[key]) for key in keys[::-1]], np.nan) for name in names}
    problems: list[str | Problem] = []
    for line, cells in rows:
        if len(cells) != len(header):
            told = f"{len(header)} cells expected, {len(cells)} found."
            problems.append(Problem(told, file, line))
            continue
        given = dict(zip(header, cells, strict=True))
        if any(given[key] not in known[key] for key in keys):
            continue
        at = tuple(known[key].index(given[key]) for key in keys[::-1])
        for name in names:
            if not math.isnan(found[name][at]):
                problems.append(Problem("This row is there already.", file, line, name))
                break
            value = _number(given[name])
            if value is None:
                problems.append(Problem("A number was expected.", file, line, name))
            else:
                found[name][at] = value
    if problems:
        raise InputError(problems)
    for name, values in found.items():
        for at in np.argwhere(np.isnan(values))[:1]:
            where = " and ".join(
                f"the {key} '{known[key][i]}'" for key, i in zip(keys[::-1], at, strict=True)
            )
            raise InputError(Problem(f"There is no number for {where}.", file, column=name))
    return {name: each[:, None] if keys == ["occasion"] else each for name, each in found.items()}


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
