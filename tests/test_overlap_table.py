"""Reading overlap tables: every accepted way of writing the same people down."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from darkfigure import CaptureHistories, InputError
from darkfigure.lists.overlap_table import from_frame, read_overlap_table, read_strata

EXPECTED = CaptureHistories(["police", "shelter"], [0, 2, 1, 1])
AGGREGATED = "police,shelter,count\n1,0,2\n0,1,1\n1,1,1\n"
PEOPLE = "police,shelter\n1,0\n1,1\n0,1\n1,0\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "lists.csv"


@pytest.mark.parametrize("text", [AGGREGATED, PEOPLE], ids=["aggregated", "people"])
def test_people_and_counts_give_the_same_histories(table: Path, text: str) -> None:
    table.write_text(text)
    histories = read_overlap_table(table)
    assert histories == EXPECTED
    assert histories.notes == ()


@pytest.mark.parametrize(
    ("yes", "no"),
    [
        ("1", "0"),
        ("1.0", "0.0"),
        ("true", "false"),
        ("TRUE", "False"),
        ("Yes", "no"),
        ("Y", "n"),
        ("x", ""),
        ("X", " "),
        (" 1 ", " 0"),
        ('"1"', '"0"'),
    ],
)
def test_every_spelling_of_a_cell(table: Path, yes: str, no: str) -> None:
    table.write_text(f"police,shelter,n\n{yes},{no},2\n{no},{yes},1\n{yes},{yes},1\n")
    assert read_overlap_table(table) == EXPECTED


@pytest.mark.parametrize("name", ["count", "Counts", "N", "freq", "Frequency", "people"])
def test_every_name_of_the_count_column(table: Path, name: str) -> None:
    table.write_text(AGGREGATED.replace("count", name))
    assert read_overlap_table(table) == EXPECTED


@pytest.mark.parametrize(
    "text",
    [
        AGGREGATED.replace(",", ";"),
        AGGREGATED.replace(",", "\t"),
        AGGREGATED.replace("\n", "\r\n"),
        AGGREGATED.replace("\n", "\r"),
        AGGREGATED.rstrip(),
        AGGREGATED + "\n\n,,\n",
        AGGREGATED.replace("police", '"police"'),
        AGGREGATED.replace("police", " police "),
        AGGREGATED.replace("1,0,2", "1,0,+1.0\n1,0,1"),
    ],
    ids=["semicolon", "tab", "crlf", "cr", "no end", "blank end", "quoted", "padded", "repeated"],
)
def test_every_layout(table: Path, text: str) -> None:
    table.write_bytes(text.encode())
    assert read_overlap_table(table) == EXPECTED


def test_the_order_of_columns_does_not_matter(table: Path) -> None:
    table.write_text("count,shelter,id,police\n2,0,a,1\n1,1,b,0\n1,1,c,1\n")
    histories = read_overlap_table(table, lists=["police", "shelter"])
    assert histories == EXPECTED
    assert histories.notes == ("Columns not used: 'id'.",)


def test_spoken_names_and_a_named_count(table: Path) -> None:
    table.write_text("p,s,cases\n1,0,2\n0,1,1\n1,1,1\n")
    lists = {"p": "police", "s": "shelter"}
    assert read_overlap_table(table, lists=lists, count="cases") == EXPECTED


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_encodings(table: Path, encoding: str) -> None:
    table.write_bytes(AGGREGATED.replace("police", "Zürich É").encode(encoding))
    assert read_overlap_table(table).lists == ("Zürich É", "shelter")


def test_utf_16_big_endian(table: Path) -> None:
    table.write_bytes(b"\xfe\xff" + AGGREGATED.encode("utf-16-be"))
    assert read_overlap_table(table) == EXPECTED


def test_windows_text_far_down_the_file_is_noticed(table: Path) -> None:
    table.write_bytes(b"police,shelter,town\n" + b"1,1,Bonn\n" * 9999 + b"1,1,K\xf6ln\n")
    histories = read_overlap_table(table, lists=["police", "shelter"])
    assert histories.observed == 10_000
    assert "Windows-1252" in histories.notes[0]


@pytest.mark.parametrize("kind", [pl.Boolean, pl.Int8, pl.Float64, pl.String])
def test_parquet(tmp_path: Path, kind: type[pl.DataType]) -> None:
    frame = pl.read_csv(io.StringIO(PEOPLE)).cast(kind)
    frame.write_parquet(tmp_path / "lists.parquet")
    assert read_overlap_table(tmp_path / "lists.parquet") == EXPECTED
    assert from_frame(frame) == from_frame(frame.lazy()) == EXPECTED


def test_nothing_in_a_dataframe_is_not_on_the_list(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"police": [1.0, float("nan"), 1.0], "shelter": [None, True, True], "count": [2.0, 1, 1]}
    )
    frame.write_parquet(tmp_path / "lists.parquet")
    assert from_frame(frame) == read_overlap_table(tmp_path / "lists.parquet") == EXPECTED


def test_an_empty_list_is_left_out_with_a_note(table: Path) -> None:
    table.write_text("police,union,shelter\n1,0,0\n1,0,1\n0,0,1\n1,0,0\n")
    histories = read_overlap_table(table)
    assert histories == EXPECTED
    assert histories.notes == ("Left out the list 'union': nobody is on it.",)


@pytest.mark.parametrize("count", ["0", ""])
def test_a_row_for_nobody_is_left_out_with_a_note(table: Path, count: str) -> None:
    table.write_text(f"{AGGREGATED}0,0,{count}\n")
    histories = read_overlap_table(table)
    assert histories == EXPECTED
    assert "on no list and stand for nobody" in histories.notes[0]


def test_strata_keep_the_same_lists(table: Path) -> None:
    table.write_text(
        "year,police,shelter,union,count\n2024,1,0,0,3\n2023,1,1,0,4\n2023,0,0,1,5\n2023,0,1,0,6\n"
    )
    strata = read_strata(table, by=["year"])
    assert list(strata) == [("2023",), ("2024",)]
    assert {h.lists for h in strata.values()} == {("police", "shelter", "union")}
    assert strata["2024",].observed == 3
    assert strata["2023",].size_of("shelter") == 10


def test_large_counts_stay_exact(table: Path) -> None:
    table.write_text("a,b,n\n1,0,999999999999\n0,1,1\n")
    assert read_overlap_table(table).observed == 10**12


def test_a_dataframe_is_told_its_rows() -> None:
    with pytest.raises(InputError, match=r"column 'a': \(row 2\) This cell is 7; 0 or 1 was"):
        from_frame(pl.DataFrame({"a": [1, 7], "b": [1, 1]}))
    with pytest.raises(InputError, match="A dataframe was expected, not int"):
        from_frame(3)


@given(
    counts=st.integers(2, 4).flatmap(
        lambda k: st.lists(st.integers(0, 10**9), min_size=2**k, max_size=2**k)
    ),
    delimiter=st.sampled_from(",;\t"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_come_back_as_written(
    table: Path, counts: list[int], delimiter: str, encoding: str
) -> None:
    names = ["Zürich, police", 'the "shelter"', "c", "d"][: len(counts).bit_length() - 1]
    histories = CaptureHistories(names, counts)
    if any(histories.size_of(name) == 0 for name in names):
        return
    with open(table, "w", encoding=encoding, newline="") as file:
        writer = csv.DictWriter(file, [*names, "count"], delimiter=delimiter)
        writer.writeheader()
        writer.writerows(histories.rows())
    assert read_overlap_table(table) == histories


def test_a_million_people_fit_in_little_memory(table: Path) -> None:
    cells = np.random.default_rng(5).integers(0, 2, (1_000_000, 4), dtype=np.uint8)
    cells[cells.sum(axis=1) == 0, 0] = 1
    text = np.full((len(cells), 8), ord(","), np.uint8)
    text[:, ::2] = cells + ord("0")
    text[:, -1] = ord("\n")
    table.write_bytes(b"a,b,c,d\n" + text.tobytes())
    program = (
        "import sys\n"
        "from darkfigure.lists.overlap_table import read_overlap_table\n"
        "print(read_overlap_table(sys.argv[1]).observed)\n"
        "status = open('/proc/self/status').read()\n"  # ru_maxrss has the parent's memory in it
        "print(status.split('VmHWM:')[1].split()[0])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(table)], capture_output=True, text=True, check=True
    )
    observed, kilobytes = map(int, done.stdout.split())
    assert observed == 1_000_000
    assert kilobytes < 600_000
