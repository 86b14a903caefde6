"""Tables of roads: those that ship with this package, and anybody's own."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from darkfigure.circuit.roads import City, Leg, Roads, wrong_cities, wrong_legs
from darkfigure.errors import InputError, Problem
from darkfigure.table_file import rows_of
from darkfigure.tables import sheets


def shipped_roads() -> Roads:
    """33 cities of the western USA and 65 legs of freeway between them.

    Hours are free flow; what they and the miles are from, and how far to trust them, is told by
    `darkfigure.tables.sheets.describe("road-legs")`. Inhabitants are those of 2020.

    Examples
    --------
    >>> roads = shipped_roads()
    >>> len(roads.cities), len(roads.legs)
    (33, 65)
    """
    return read_roads(sheets.path("road-legs"), sheets.path("road-cities"))


def read_roads(legs_csv: str | Path, cities_csv: str | Path | None = None) -> Roads:
    """Read a network from CSV files.

    Parameters
    ----------
    legs_csv : str or Path
        One row for each leg, with the columns city_a, city_b and hours (or hours_freeflow), and
        perhaps miles and highway.
    cities_csv : str or Path, optional
        One row for each city, with the column city, and perhaps population (or pop2020; the newest
        of several years), lat and lon. Left out, the cities are those that legs lead to.

    Returns
    -------
    Roads

    Raises
    ------
    InputError
        With the file, line and column of all that is wrong: columns that are not there, a city
        named twice, a leg to a city that is not in the table of cities, hours, miles or inhabitants
        that are no number above zero, a leg from a city to itself, the same leg twice with other
        hours, coordinates out of range.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "legs.csv")
    ...     _ = file.write_text("city_a,city_b,hours\\nReno,Truckee,0.6\\nTruckee,Auburn,1.2\\n")
    ...     read_roads(file).hours(("Reno", "Auburn"))[0, 1].round(1)
    np.float64(1.8)
    """
    table = _Table(str(legs_csv), ("city_a", "city_b", "hours"), ("miles", "highway"))
    legs = [
        Leg(row["city_a"], row["city_b"], _number(row["hours"]), _perhaps(row, "miles"), name)
        for row in table.rows
        for name in [row.get("highway", "")]
    ]
    problems = []
    if cities_csv is None:
        cities = [City(name) for name in dict.fromkeys(end for leg in legs for end in leg.ends)]
    else:
        places = _Table(str(cities_csv), ("city",), ("population", "lat", "lon"))
        cities = [
            City(row["city"], *(_perhaps(row, name) for name in ("population", "lat", "lon")))
            for row in places.rows
        ]
        problems += wrong_cities(cities, places.where)
    names = tuple(city.name for city in cities)
    problems += wrong_legs(legs, names, table.where)
    if problems:
        raise InputError(problems)
    return Roads(tuple(cities), tuple({leg.ends: leg for leg in reversed(legs)}.values())[::-1])


def roads_of(legs: str | Path | None, cities: str | Path | None = None) -> Roads:
    """The roads of files, or those that ship with this package where none is named.

    Examples
    --------
    >>> roads_of(None).hours(("Reno", "Sacramento")).round(1).tolist()
    [[0.0, 2.2], [2.2, 0.0]]
    """
    return read_roads(legs, cities) if legs else shipped_roads()


class _Table:
    """The rows of a CSV file by the names of the columns that are wanted."""

    def __init__(self, file: str, needed: Sequence[str], perhaps: Sequence[str]) -> None:
        rows = rows_of(file)
        line, header = next(rows, (1, []))
        if not header:
            raise InputError(Problem("The file is empty; a line of column names leads.", file=file))
        self.file, self.lines = file, list[int]()
        self.columns: dict[str, str] = {}
        self.rows: list[dict[str, str]] = []
        problems = []
        for name in (*needed, *perhaps):
            there = [column for column in header if _means(column, name)]
            if there:
                self.columns[name] = name if name in there else max(there)
            elif name in needed:
                known = ", ".join(map(repr, header))
                message = f"There is no such column; the file has {known}."
                problems.append(Problem(message, file=file, line=line, column=name))
        for line, cells in rows:
            if len(cells) != len(header):
                message = f"{len(header)} cells were expected, {len(cells)} found."
                problems.append(Problem(message, file=file, line=line))
            elif not problems:
                whole = dict(zip(header, cells, strict=True))
                self.rows.append({name: whole[col] for name, col in self.columns.items()})
                self.lines.append(line)
        if problems:
            raise InputError(problems)

    def where(self, row: int, name: str) -> dict[str, Any]:
        """The place of a cell in the file."""
        column = self.columns.get(name, name)
        return {"file": self.file, "line": self.lines[row], "column": column}


def _means(column: str, name: str) -> bool:
    """Whether a column of the file has what is wanted; the newest of several years counts."""
    other = {"hours": "hours_freeflow", "population": "pop(ulation)?_?[0-9]{4}"}.get(name, name)
    return column == name or re.fullmatch(other, column) is not None


def _number(text: str) -> float:
    """The number, or nan where there is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def _perhaps(row: dict[str, str], name: str) -> float | None:
    return _number(row[name]) if row.get(name) else None
