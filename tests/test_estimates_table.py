"""A file of estimates is read or refused with where it is wrong, and its ranks come out whole."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from darkfigure import InputError
from darkfigure.compare.estimates_table import Estimates, rank_table, read_estimates
from darkfigure.tables import sheets

GOOD = "place,estimate,se\nNorth,5.2,0.4\nSouth,4.1,0.3\n"
READ = Estimates(("North", "South"), (5.2, 4.1), (0.4, 0.3))


def write(folder: Path, text: str | bytes) -> Path:
    file = folder / "rates.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        "\ufeff" + GOOD,
        GOOD.replace(",", ";"),
        GOOD.replace(",", "\t"),
        GOOD.replace("\n", "\r\n"),
        "\n" + GOOD + "\n ,,\n",
        "SE, note ,Place,ESTIMATE\n0.4,a,North,5.2\n.3,,South,+41e-1\n",
    ],
    ids=["plain", "mark", "semicolons", "tabs", "windows", "blank lines", "other columns"],
)
def test_the_same_table_in_the_ways_that_spreadsheets_write_it(tmp_path: Path, text: str) -> None:
    assert read_estimates(write(tmp_path, text)) == READ


def test_a_workbook_and_other_encodings_are_read_too(tmp_path: Path) -> None:
    for encoding in ("utf-16", "cp1252"):
        found = read_estimates(write(tmp_path, GOOD.replace("North", "Nörd").encode(encoding)))
        assert found.places == ("Nörd", "South")
    book = tmp_path / "rates.xlsx"
    rows = {"place": ["North", "South"], "estimate": [5.2, 4.1], "se": [0.4, 0.3]}
    pl.DataFrame(rows).write_excel(book)
    assert read_estimates(book) == READ


def test_a_name_with_a_comma_or_not_english_is_kept(tmp_path: Path) -> None:
    text = 'place,estimate,se\n"Sacramento County, California",1,1\nTür\u2028kiye,2,1\n'
    assert read_estimates(write(tmp_path, text)).places == (
        "Sacramento County, California",
        "Tür\u2028kiye",
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "rates.csv: The file is empty"),
        ("\n \n", "rates.csv: The file is empty"),
        ("place,estimate\nA,1\n", "line 1, column 'se': This column is missing"),
        ("name,est,error\nA,1,2\n", "The file has 'name', 'est', 'error'"),
        ("5,4,3\n5,4,3\n", "line 1: A header line with the names of the columns was expected"),
        ("place,se,estimate,se\nA,1,1,1\n", "line 1, column 'se': This column is there more than"),
        (GOOD + "East,many,0.1\n", "line 4, column 'estimate': A number .*, not 'many'"),
        (GOOD + 'East,"1,200",0.1\n', "line 4, column 'estimate': A number .*, not '1,200'"),
        (GOOD + "East,nan,0.1\n", "line 4, column 'estimate': A number .*, not 'nan'"),
        (GOOD + "East,1_000,0.1\n", "not '1_000'"),
        (GOOD + "East,1e999,0.1\n", "not '1e999'"),
        (GOOD + "East,3,\n", "line 4, column 'se': The cell is empty"),
        (GOOD + "East,3,-0.1\n", "line 4, column 'se': A standard error is above zero"),
        (GOOD + "East,3,0.0\n", "line 4, column 'se': A standard error of zero"),
        (GOOD + "North,3,1\n", "line 4, column 'place': 'North' is on line 2 too"),
        (GOOD + "north,3,1\n", "line 4, column 'place': 'north' is on line 2 too"),
        (GOOD + " ,3,1\n", "line 4, column 'place': The place has no name"),
        (GOOD + "East,3\n", "line 4: Too few cells: 3 as in the header expected, 2 found"),
        (GOOD + "East,3,1,1\n", "line 4: Too many cells"),
        (GOOD + 'East,"3,1\n', "line 4: A quotation mark here has no partner"),
        ("place,estimate,se\nNorth,5.2,0.4\n", "rates.csv: There is only one place"),
        ("place,estimate,se\n", "rates.csv: There are no places"),
        (b"PK\x03\x04\xff\xfe\x00", "rates.csv: "),
    ],
)
def test_a_broken_file_is_refused_with_its_line_and_column(
    tmp_path: Path, text: str | bytes, says: str
) -> None:
    with pytest.raises(InputError, match=says):
        read_estimates(write(tmp_path, text))


def test_everything_that_is_wrong_is_told_at_once_up_to_twenty(tmp_path: Path) -> None:
    rows = "".join(f"{i},x,-1\n" for i in range(30))
    with pytest.raises(InputError) as refused:
        read_estimates(write(tmp_path, "place,estimate,se\n" + rows))
    assert len(refused.value.problems) == 21
    assert str(refused.value).endswith("... and 40 more.")


def test_a_file_that_is_not_there_or_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_estimates(tmp_path / "nothing.csv")
    with pytest.raises(InputError, match="This is a folder"):
        read_estimates(tmp_path)


def test_the_table_of_ranks_is_that_of_the_published_sets() -> None:
    rows = sheets.rows("travel-time-2011")
    given = Estimates(
        tuple(row["state"] for row in rows),
        tuple(float(row["minutes"]) for row in rows),
        tuple(float(row["standard_error"]) for row in rows),
    )
    table = rank_table(given, highest_first=False, draws=2000)
    assert json.loads(json.dumps(table, allow_nan=False)) == table
    assert (table["level"], table["draws"], table["seed"]) == (0.95, 2000, 1)
    for place, row in zip(table["places"], rows, strict=True):
        assert place["name"] == row["state"]
        assert place["rank"] == int(row["rank"])
        assert place["joint_lower"] == int(row["joint95_lower"])
        assert place["joint_upper"] == int(row["joint95_upper"])
        assert place["simultaneous_lower"] <= place["rank_lower"] <= place["rank"]
        assert place["rank"] <= place["rank_upper"] <= place["simultaneous_upper"]
