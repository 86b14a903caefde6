"""Tables of covariates: what is read, and what is said of tables that are wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from darkfigure import InputError
from darkfigure.circuit.covariate_table import read_covariates
from darkfigure.circuit.histories import Histories
from darkfigure.circuit.multistate import fit

H = Histories(("Reno", "Oakland"), ("May", "June", "July"), [[1, 0, 2], [1, 2, 0], [2, 2, 1]])


def read(tmp_path: Path, text: str) -> dict[str, np.ndarray]:
    file = tmp_path / "known.csv"
    file.write_text(text, encoding="utf-8")
    return read_covariates(file, H)


def test_of_cities_of_occasions_and_of_both(tmp_path: Path) -> None:
    told = read(tmp_path, "city,beds,hours\nOakland,40,2.5\nReno,12,3\nFresno,7,1\n")
    assert told["beds"].tolist() == [12, 40]
    assert told["hours"].tolist() == [3, 2.5]
    told = read(tmp_path, "occasion;raids\nMay;1\nJune;0\nJuly;4\n")
    assert told["raids"].tolist() == [[1], [0], [4]]
    rows = [f"{t},{raids},{city}" for city, n in (("Reno", 0), ("Oakland", 10))
            for t, raids in zip(H.occasions, range(n, n + 3), strict=True)]  # fmt: skip
    told = read(tmp_path, "\n".join(["occasion,raids,city", *reversed(rows)]))
    assert told["raids"].tolist() == [[0, 10], [1, 11], [2, 12]]


def test_what_was_read_is_what_a_fit_takes(tmp_path: Path) -> None:
    rows = [[1, 1, 2], [1, 2, 0], [2, 2, 1], [2, 0, 2], [1, 0, 1], [0, 2, 2]]
    h = Histories(H.cities, H.occasions, rows, [20, 9, 30, 14, 12, 20])
    file = tmp_path / "known.csv"
    file.write_text("occasion,raids\nMay,1\nJune,0\nJuly,4\n", encoding="utf-8")
    by_time = fit(h, "constant", "time", starts=1)
    known = read_covariates(file, h)
    by_raids = fit(h, "constant", "raids", covariates=known, starts=1)  # of two occasions
    assert by_raids.minus2loglik == pytest.approx(by_time.minus2loglik, abs=1e-4)


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("", 1, None, "a column 'city', 'occasion' or both"),
        ("town,beds\nReno,1\n", 1, None, "a column 'city', 'occasion' or both"),
        ("city\nReno\n", 1, None, "one for each covariate"),
        ("city,beds,beds\nReno,1,1\nOakland,1,1\n", 1, "beds", "more than once"),
        ("city,beds\nReno,1\nOakland,many\n", 3, "beds", "A number was expected"),
        ("city,beds\nReno,1\nOakland,\n", 3, "beds", "A number was expected"),
        ("city,beds\nReno,1\nReno,1\nOakland,2\n", 3, "beds", "there already"),
        ("city,beds\nReno,1,2\nOakland,2\n", 2, None, "2 cells expected, 3 found"),
        ("city,beds\nReno,1\n", None, "beds", "no number for the city 'Oakland'"),
        ("city,beds\nReno,1\nOakland,nan\n", 3, "beds", "A number was expected"),
        ("city,beds\nReno,1\nOakland,inf\n", 3, "beds", "A number was expected"),
        ("occasion,raids\nMay,1\nJuly,2\n", None, "raids", "no number for the occasion 'June'"),
        (
            "city,occasion,raids\nReno,May,1\n",
            None,
            "raids",
            "no number for the occasion 'May' and the city 'Oakland'",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(
    tmp_path: Path, text: str, line: int | None, column: str | None, words: str
) -> None:
    with pytest.raises(InputError, match=words) as caught:
        read(tmp_path, text)
    (problem,) = caught.value.problems
    assert problem.file == str(tmp_path / "known.csv")
    assert (problem.line, problem.column) == (line, column)


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, "city,beds,hours\nReno,few,long\nOakland,1\n")
    told = [(each.line, each.column) for each in caught.value.problems]
    assert told == [(2, "beds"), (2, "hours"), (3, None)]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_covariates(tmp_path / "none.csv", H)
