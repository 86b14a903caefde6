"""The published sheets are whole, every column is described, and no status is better than known."""

from __future__ import annotations

import csv
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse.csgraph import shortest_path

from darkfigure import InputError, tables
from darkfigure.tables import sheets

ROOT = Path(__file__).parents[1]
RANKED = {"verified": 0, "secondary": 1, "unverified": 2}

# How many rows each file has.
ROWS = {
    "accident-policies": 7,
    "bangkok-heroin-users": 21,
    "bangkok-methamphetamine-users": 10,
    "british-carcass-submissions": 1858,
    "british-farm-submissions": 12036,
    "california-drug-abuse": 12,
    "dipper": 294,
    "dutch-domestic-violence-2009": 6,
    "dutch-drunk-driving": 5,
    "dutch-illegal-firearms": 3,
    "edinburgh-taxicabs": 6,
    "french-scrapie": 4,
    "geese": 623,
    "geese-sample500": 500,
    "golf-tees": 8,
    "h5n1-outbreaks": 10,
    "mckendrick-cholera": 4,
    "mstrata": 255,
    "netherlands-immigrants-1995": 1880,
    "pisa-2018-math": 38,
    "road-cities": 33,
    "road-legs": 65,
    "road-shortest": 528,
    "rotterdam-opiate-users": 9,
    "skagit": 100,
    "snowshoe-hares": 6,
    "surgical-bugs": 12,
    "travel-time-2011": 51,
    "us-city-population-2013": 150,
    "us-county-population-2012-2016": 50,
    "us-fbi-cities-2013-2020": 1501,
    "us-fbi-states-2013-2020": 242,
    "us-hotline-cities-2007-2016": 10,
    "us-hotline-figures": 51,
    "us-hotline-states-2012-2016": 255,
    "us-police-officers": 75,
    "us-states-2012-2016": 255,
    "utrecht-homeless": 14,
    "vancouver-street-contacts": 6,
}


def command(*args: str) -> subprocess.CompletedProcess[str]:
    code = "from darkfigure.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *args], capture_output=True, text=True, check=False
    )


def total(name: str, column: str) -> int:
    return sum(int(row[column] or 0) for row in sheets.rows(name))


@pytest.mark.parametrize("name", sheets.names())
def test_every_column_of_every_row_is_there_and_described(name: str) -> None:
    with sheets.path(name).open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == list(sheets.describe(name).columns)
    assert {len(row) for row in rows} == {len(header)}
    assert len(rows) == ROWS[name]
    assert all(column == column.lower() and " " not in column for column in header)


def test_every_file_is_in_a_catalogue_and_no_name_is_used_twice() -> None:
    files = [
        file.stem
        for folder in sheets.folders()
        for file in (Path(sheets.__file__).parent / folder).glob("*.csv")
    ]
    assert sorted(files) == sheets.names() == sorted(ROWS)
    assert not set(files) & set(tables.names())


@pytest.mark.parametrize("name", sheets.names())
def test_a_sheet_is_no_better_than_its_weakest_column(name: str) -> None:
    sheet = sheets.describe(name)
    statuses = [sheet.status, *(column.status for column in sheet.columns.values())]
    assert set(statuses) <= set(RANKED)
    assert RANKED[sheet.status] == max(map(RANKED.__getitem__, statuses))
    assert sheet.citation


def test_only_what_was_read_at_its_source_is_verified() -> None:
    verified = [name for name in sheets.names() if sheets.describe(name).status == "verified"]
    assert verified == ["surgical-bugs"]


def test_single_figures_have_a_status_each_and_conflicts_are_not_verified() -> None:
    for row in sheets.rows("us-hotline-figures"):
        assert row["status"] in RANKED
        if "CONFLICTS" in row["source"] or "same remark" in row["source"]:
            assert row["status"] == "unverified"


def test_totals_are_those_that_were_counted_from_the_sources() -> None:
    assert total("us-hotline-states-2012-2016", "calls") == 92_885
    assert total("us-hotline-states-2012-2016", "cases") == 24_430
    assert total("us-fbi-states-2013-2020", "offences") == 9_599
    assert total("surgical-bugs", "operations") == 2_814
    assert total("surgical-bugs", "deaths") == 208


def test_the_joined_sheet_is_the_join_of_its_sources() -> None:
    spec = importlib.util.spec_from_file_location("us_states", ROOT / "scripts/us_states.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert sheets.rows("us-states-2012-2016") == script.joined()


def test_the_shortest_ways_are_those_over_the_legs() -> None:
    cities = [row["city"] for row in sheets.rows("road-cities")]
    for length in ("miles", "hours_freeflow"):
        legs = np.zeros((33, 33))
        for row in sheets.rows("road-legs"):
            legs[cities.index(row["city_a"]), cities.index(row["city_b"])] = float(row[length])
        ways = shortest_path(legs, directed=False)
        for row in sheets.rows("road-shortest"):
            way = ways[cities.index(row["city_a"]), cities.index(row["city_b"])]
            assert float(row[length]) == pytest.approx(way, abs=0.006)


def test_a_state_without_a_record_has_empty_cells_and_no_zero() -> None:
    rows = sheets.rows("us-states-2012-2016")
    recorded = {(row["state"], row["year"]) for row in sheets.rows("us-fbi-states-2013-2020")}
    for row in rows:
        has = (row["state"], row["year"]) in recorded
        assert bool(row["offences"]) == bool(row["agencies_with_a_record"]) == has
    assert not any(row["offences"] for row in rows if row["year"] == "2012")
    assert not any(row["offences"] for row in rows if row["state"] == "California")
    assert len({(row["state"], row["year"]) for row in rows}) == 51 * 5


def test_warnings_that_keep_from_false_conclusions_are_there() -> None:
    for name in ("us-states-2012-2016", "us-fbi-states-2013-2020", "us-fbi-cities-2013-2020"):
        assert "zero" in sheets.describe(name).note
    for name in ("us-states-2012-2016", "us-hotline-states-2012-2016"):
        assert "District" in sheets.describe(name).note
        assert "prevalence" in sheets.describe(name).note
    assert "not data" in sheets.describe("us-county-population-2012-2016").note


def test_an_unknown_sheet_or_folder_is_refused_with_what_there_is() -> None:
    for wrong in (sheets.rows, sheets.describe, sheets.path):
        with pytest.raises(InputError, match=r"'pisa-2018-math'.*`darkfigure tables`"):
            wrong("pisa-2018-maths")
    with pytest.raises(InputError, match="'circuit', 'demand', 'jurisdictions', 'ranks'"):
        sheets.names("nowhere")


def test_a_sheet_and_a_table_of_overlaps_are_not_taken_for_one_another() -> None:
    with pytest.raises(InputError, match="not counts of people on lists"):
        tables.load("pisa-2018-math")
    with pytest.raises(InputError, match="table of overlaps"):
        sheets.rows("uk-2013")
    done = command("size", "pisa-2018-math")
    assert done.returncode == 2
    assert "not counts of people on lists" in done.stderr


def test_the_command_lists_sheets_after_the_tables_under_headings() -> None:
    lines = command("tables").stdout.splitlines()
    (heading,) = [i for i, line in enumerate(lines) if line.startswith("Places ranked")]
    assert {line.split()[0] for line in lines[: heading - 1] if line} >= set(tables.names())
    (pisa,) = [line for line in lines if line.startswith("pisa-2018-math")]
    assert "secondary" in pisa
    everything = json.loads(command("tables", "--json").stdout)
    assert [each["name"] for each in everything["tables"]] == tables.names()
    assert [each["name"] for each in everything["sheets"]] == sheets.names()


def test_the_command_shows_one_sheet_with_its_warning() -> None:
    shown = command("tables", "us-fbi-states-2013-2020").stdout
    assert "[secondary]" in shown
    assert "that is not zero" in shown
    assert "offences in the year" in shown
    found = json.loads(command("tables", "travel-time-2011", "--json").stdout)
    assert found["rows"][0]["state"] == "South Dakota"
    assert found["columns"]["minutes"] == {
        "meaning": "mean travel time to work",
        "unit": "minutes",
        "status": "secondary",
    }
