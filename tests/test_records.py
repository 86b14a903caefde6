"""An agency's raw list: what is found in it, what is told of it, and that nothing goes unsaid."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from darkfigure import InputError
from darkfigure.lists import records as room
from darkfigure.lists.fields import FIELDS, Mapped, columns_of
from darkfigure.lists.records import Quality, Records, as_one, read_records, told
from darkfigure.spreadsheet import open_sheet

BY_HEADERS = Mapped()
LEFT_OUT = ("it was left out.", "cells: ")


def write(folder: Path, text: str, name: str = "list.csv") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8", newline="")
    return file


def read(folder: Path, text: str, mapped: Mapped = BY_HEADERS) -> Records:
    return read_records(write(folder, text), "list", mapped)


def refused(folder: Path, text: str, mapped: Mapped = BY_HEADERS) -> str:
    """What is said, without the place of the file."""
    with pytest.raises(InputError) as error:
        read(folder, text, mapped)
    return str(error.value).replace(f"{folder}/", "")


def what(quality: Quality) -> list[str]:
    return [str(problem).rsplit("/", 1)[1] for problem in quality.problems]


def left_out(quality: Quality) -> int:
    """Rows that were told and not used."""
    return sum(n for why, n in quality.reasons.items() if any(part in why for part in LEFT_OUT))


# Which column is what


def test_fields_are_known_by_their_headers(tmp_path: Path) -> None:
    for field, synonyms in FIELDS.items():
        for header in (field, *synonyms):
            shown = header.replace(" ", "_").upper()
            other = "surname" if field == "case" else "case"
            sheet = open_sheet(write(tmp_path, f"{other},{shown}\nx,x\n"))
            where, notes = columns_of(sheet, BY_HEADERS)
            assert where[field] == shown
            assert f"'{shown}' as {field}" in notes[0]


def test_columns_that_are_named_are_the_only_ones_read(tmp_path: Path) -> None:
    text = "who,first name,surname,dob\nMaria Lopez,Ana,Ray,1990-01-31\n"
    mapped = Mapped({"name": "who", "birth": " dob "})
    records = read(tmp_path, text, mapped)
    assert records.frame.select("given", "family", "birth").rows() == [
        ("maria", "lopez", "1990-01-31")
    ]
    assert records.quality.notes == ()


def test_two_columns_that_could_be_one_field_are_asked_about(tmp_path: Path) -> None:
    said = refused(tmp_path, "name,dob,born\nA Ray,1990-01-31,1990-01-31\n")
    assert said == (
        "list.csv, line 1: Any of 'dob', 'born' could be the birth; say which is, in the columns "
        "of this list."
    )


def test_everything_wrong_with_the_columns_is_told_at_once(tmp_path: Path) -> None:
    mapped = Mapped({"given": "First", "brith": "dob", "family": "surname"}, {"year": "yr"})
    said = refused(tmp_path, "Firstname,surname,surname,dob\nA,B,B,1990-01-31\n", mapped)
    assert [line.split(": ", 1)[1].split(";")[0] for line in said.splitlines()] == [
        "2 columns have this name",
        "There is no column 'First' (for given)",
        "A list has no field 'brith'",
        "There is no column 'yr' (for year)",
    ]
    assert "did you mean one of 'Firstname'?" in said
    assert "Did you mean 'birth'?" in said


def test_one_column_can_be_two_things(tmp_path: Path) -> None:
    mapped = Mapped({"given": "first", "sex": "gender"}, {"sex": "gender", "gender": "gender"})
    table = pl.DataFrame({"first": ["Ana"], "gender": ["F"]})
    table.write_csv(tmp_path / "list.csv")
    table.write_parquet(tmp_path / "list.parquet")
    table.write_excel(tmp_path / "list.xlsx")
    for kind in ("csv", "parquet", "xlsx"):
        frame = read_records(tmp_path / f"list.{kind}", "list", mapped).frame
        assert frame.select("sex", "stratum_sex", "stratum_gender").rows() == [("f", "f", "f")]


def test_full_names_are_parted_and_further_names_are_aliases(tmp_path: Path) -> None:
    text = 'client,aka\n"Lopez, Maria Elena",Star / Mia\nAna Ray,\n"Doe, Jane",Baby\n'
    records = read(tmp_path, text)
    assert records.frame.select("given", "family", "aliases").rows() == [
        ("maria", "lopez", ["star", "mia", "elena"]),
        ("ana", "ray", []),
    ]
    assert what(records.quality) == [
        "list.csv, line 4: Nothing in this row tells who it is; it was left out."
    ]


def test_jane_doe_is_nobody_in_two_columns_either(tmp_path: Path) -> None:
    text = "first,last,phone\nJane,Doe,916-555-0142\nJane,Ray,916-555-0143\nLee,Doe,\n"
    assert read(tmp_path, text).frame.select("given", "family").rows() == [
        (None, None), ("jane", "ray"), ("lee", None),
    ]  # fmt: skip


# Dates, years and ages


def test_the_year_of_birth_is_that_of_the_date_or_alone_or_from_the_age(tmp_path: Path) -> None:
    text = (
        "first,dob,age,date\n"
        "a,1990-02-28,50,2020-06-01\n"
        "b,1991,50,2020-06-01\n"
        "c,,17,2020-06-01\n"
        "d,unknown,17 years old,2019\n"
        "e,,17 y/o,\n"
        "f,,unknown,2020-06-01\n"
        "g,,16.5,2020-06-01\n"
    )
    records = read(tmp_path, text)
    assert records.frame["birth_year"].to_list() == [1990, 1991, 2003, 2002, None, None, 2004]
    assert records.frame["birth"].to_list() == ["1990-02-28"] + [None] * 6
    assert records.quality.problems == ()


def test_what_cannot_be_right_is_told_and_not_used(tmp_path: Path) -> None:
    tomorrow = datetime.now(UTC).date() + timedelta(1)
    text = (
        "first,dob,age,sex,date\n"
        "a,1990-02-30,,,2020-06-01\n"  # 2
        "b,1900-01-01,,,2020-06-01\n"
        f"c,{tomorrow},,,2020-06-01\n"
        "d,2020-06-02,,,2020-06-01\n"
        "e,,111,,2020-06-01\n"  # 6
        "f,,about,,2020-06-01\n"
        "g,,,1,2020-06-01\n"
        f"h,,20,,{tomorrow}\n"
        "i,,20,,0001-01-01\n"  # 10
        "j,,20,,2020-06-31\n"
        f"k,{tomorrow.year + 1},,,2020-06-01\n"
        "l,1899,,,2020-06-01\n"
        "m,2019,,,2018\n"
        "n,2018-12-31,,,2018\n"  # nothing is wrong with this one
    )
    records = read(tmp_path, text)
    assert what(records.quality) == [
        "list.csv, line 2, column 'dob': There is no such date.",
        "list.csv, line 3, column 'dob': Nobody was born then who is counted here.",
        "list.csv, line 4, column 'dob': Born in the future.",
        "list.csv, line 5, column 'dob': Born after the contact.",
        "list.csv, line 6, column 'age': This is no age.",
        "list.csv, line 7, column 'age': This is no age.",
        "list.csv, line 8, column 'sex': This says neither female, male nor other.",
        "list.csv, line 9, column 'date': Seen in the future.",
        "list.csv, line 10, column 'date': Nobody was seen then who is counted here.",
        "list.csv, line 11, column 'date': There is no such date.",
        "list.csv, line 12, column 'dob': Born in the future.",
        "list.csv, line 13, column 'dob': Nobody was born then who is counted here.",
        "list.csv, line 14, column 'dob': Born after the contact.",
    ]
    assert records.quality.reasons == {
        "There is no such date.": 2,
        "This is no age.": 2,
        "This says neither female, male nor other.": 1,
        "Nobody was born then who is counted here.": 2,
        "Born in the future.": 2,
        "Born after the contact.": 2,
        "Nobody was seen then who is counted here.": 1,
        "Seen in the future.": 1,
    }
    assert records.quality.used == records.quality.rows == 14
    assert records.frame["birth"].to_list() == [None] * 13 + ["2018-12-31"]
    assert records.frame["birth_year"].to_list() == [None] * 13 + [2018]


def test_what_says_that_nothing_is_known_is_no_error(tmp_path: Path) -> None:
    text = "first,dob,age,sex,date\n" + "".join(
        f"a,{cell},{cell},{cell},{cell}\n" for cell in ("", "?", "unknown", "N/A", "U", "-", "0")
    )
    assert read(tmp_path, text).quality.problems == ()


def test_digits_of_other_scripts_are_no_numbers(tmp_path: Path) -> None:
    text = "first,dob,age,phone\nAna,١٨٩٠,١٥,٩١٦٥٥٥٠١٤٢\nBea,18٩٠,15,\n"
    assert read(tmp_path, text).frame.select("birth_year", "phone").rows() == [(None, None)] * 2


def test_the_order_of_day_and_month_is_told_by_the_column(tmp_path: Path) -> None:
    text = "first,dob,date\na,03/04/2001,03/04/2019\nb,25/12/1998,12/25/2018\n"
    records = read(tmp_path, text)
    assert records.frame["birth"].to_list() == ["2001-04-03", "1998-12-25"]
    assert records.quality.notes[1:] == (
        "In 'date' the month stands before the other.",
        "In 'dob' the day stands before the other.",
    )


def test_an_order_that_cannot_be_told_is_asked_for(tmp_path: Path) -> None:
    text = "first,dob\na,03/04/2001\nb,05/06/1998\n"
    said = refused(tmp_path, text)
    assert said == (
        "list.csv, column 'dob': It cannot be told whether the day or the month stands first: "
        'every date of this column can be read both ways. Say dates = "day first" or dates = '
        '"month first" for this list in the study.'
    )
    for dates, first in (("day first", "2001-04-03"), ("month first", "2001-03-04")):
        assert read(tmp_path, text, Mapped(dates=dates)).frame["birth"][0] == first


def test_a_column_that_says_both_orders_is_asked_about(tmp_path: Path) -> None:
    text = "first,dob\na,25/12/1998\nb,12/25/1998\n"
    assert "the dates of this column disagree, 1 against 1." in refused(tmp_path, text)
    records = read(tmp_path, text, Mapped(dates="day first"))
    assert what(records.quality) == ["list.csv, line 3, column 'dob': There is no such date."]


def test_an_order_that_the_dates_belie_is_refused(tmp_path: Path) -> None:
    text = "first,dob\na,25/12/1998\nb,26/12/1998\nc,03/04/2001\n"
    said = refused(tmp_path, text, Mapped(dates="month first"))
    assert said == (
        "list.csv, column 'dob': The study says \"month first\" for this list, but 2 dates of this "
        "column have the day first. Leave the setting out where the dates tell."
    )
    with pytest.raises(InputError, match="'day first' or 'month first', not 'american'"):
        read(tmp_path, text, Mapped(dates="american"))


def test_a_column_of_something_else_than_dates_is_refused(tmp_path: Path) -> None:
    text = "first,dob\n" + "a,31/02/1990\n" * 15 + "a,1990-01-31\n" * 10 + "a,unknown\n" * 100
    assert refused(tmp_path, text) == (
        "list.csv, column 'dob': 15 of the 25 cells that say something here are no dates; name the "
        "column with the dates, or mend this one."
    )
    few = "first,dob\n" + "a,31/02/1990\n" * 12 + "a,1990-01-31\n" * 12
    assert read(tmp_path, few).quality.reasons == {"There is no such date.": 12}


# What is left out


def test_contacts_outside_the_time_are_left_out_and_told(tmp_path: Path) -> None:
    text = (
        "first,date\na,2014-12-31\nb,2015-01-01\nc,2020-12-31\nd,2021-01-01\ne,\nf,unknown\n"
        "g,2016-02-30\n"
    )
    records = read(tmp_path, text, Mapped(since="2015-01-01", until="2020-12-31"))
    assert records.frame["given"].to_list() == ["b", "c", "e", "f", "g"]
    outside = "The contact lies outside the study's time; it was left out."
    assert what(records.quality) == [
        f"list.csv, line 2: {outside}",
        f"list.csv, line 5: {outside}",
        "list.csv, line 8, column 'date': There is no such date.",
    ]
    assert records.quality.notes[-1] == (
        "Records without a date of contact, kept whatever the time: 3."
    )
    assert (records.quality.rows, records.quality.used) == (7, 5)
    assert read(tmp_path, text, Mapped(since="2015-01-01")).quality.used == 6
    assert read(tmp_path, text, Mapped(until="2015-01-01")).quality.used == 5


def test_a_list_with_every_contact_outside_the_time_says_so(tmp_path: Path) -> None:
    said = refused(tmp_path, "first,date\na,2014-12-31\n", Mapped(since="2015-01-01"))
    assert said.startswith("list.csv: No contact of this list lies in the study's time;")


def test_without_dates_of_contact_the_time_changes_nothing_and_a_note_says_so(
    tmp_path: Path,
) -> None:
    records = read(tmp_path, "first,dob\na,1990-01-31\nb,\n", Mapped(since="2015-01-01"))
    assert records.quality.used == 2
    assert records.quality.notes[-1].endswith("kept whatever the time: 2.")


@pytest.mark.parametrize(
    ("column", "own", "agencys"),
    [
        ("phone", "916-555-{0:04}", "916-555-9999"),
        ("email", "person{0}@example.org", "info@agency.example.org"),
        ("identifier", "D{0:05}", "D99999"),
    ],
)
def test_the_agencys_own_number_is_nobodys(
    column: str, own: str, agencys: str, tmp_path: Path
) -> None:
    def table(times: int, others: int) -> str:
        cells = [agencys] * times + [own.format(i) for i in range(others)]
        return f"first,{column}\n" + "".join(f"ana,{cell}\n" for cell in cells)

    records = read(tmp_path, table(21, 100))
    assert records.frame[column].null_count() == 21
    assert records.quality.notes[-1] == (
        f"'{column}' of many rows was left out as nobody's own: 21 rows with one value."
    )
    assert records.quality.used == 121
    assert read(tmp_path, table(20, 100)).frame[column].null_count() == 0
    assert read(tmp_path, table(30, 6_000)).frame[column].null_count() == 0  # one in 200
    assert read(tmp_path, table(31, 6_000)).frame[column].null_count() == 31


# What is told


def test_the_summary_counts_what_is_there(tmp_path: Path) -> None:
    text = (
        "First name,Last name,DOB,AKA,City\n"
        "Ana,Ray,1990-01-31,Star,Bonn\n"
        "ANA,RAY,1990-01-31,star,bonn\n"
        "Bea,,1990-02-31,,\n"
        "unknown,,,,Bonn\n"
        "Cleo,Ray,,,\n"
        "Cleo,Ray\n"
        "\n"
        "Dora,unknown,,,\n"
    )
    quality = read(tmp_path, text).quality
    assert (quality.rows, quality.used, quality.alike) == (7, 5, 1)
    assert quality.filled == {
        "given": 5, "family": 3, "aliases": 2, "birth": 2, "birth_year": 2, "place": 2,
    }  # fmt: skip
    assert what(quality) == [
        "list.csv, line 4, column 'DOB': There is no such date.",
        "list.csv, line 5: Nothing in this row tells who it is; it was left out.",
        "list.csv, line 7: Too few cells: 5 as in the header expected, 2 found.",
    ]
    assert quality.rows == quality.used + left_out(quality)


def test_lines_are_those_of_the_file_after_a_cell_of_several_lines(tmp_path: Path) -> None:
    text = (
        "\n"
        "First name,DOB,notes\n"
        'Ana,1990-01-31,"one\ntwo\n\nfour"\n'  # lines 3 to 6
        "Bea,1990-02-31,\n"
        "\n"
        'Cleo,1990-02-30,"one\r\ntwo"\r\n'  # lines 9 and 10
        "Dora,1990-02-29,\n"
        "Eva,1990-02-28\n"
    )
    records = read(tmp_path, text)
    assert [problem.line for problem in records.quality.problems] == [7, 9, 11, 12]
    assert records.frame["row"].to_list() == [3, 7, 9, 11]


def test_a_workbook_numbers_its_rows_and_so_do_its_problems(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "list.xlsx") as book:
        page = book.add_worksheet()
        page.write_row(2, 1, ["First name", "DOB"])
        page.write_row(4, 1, ["Ana", "1990-02-31"])
        page.write_row(5, 1, ["", "?"])
        page.write_row(6, 1, ["Bea", "1990-02-30"])
    quality = read_records(tmp_path / "list.xlsx", "list").quality
    assert what(quality) == [
        "list.xlsx, column 'DOB': (row 5) There is no such date.",
        "list.xlsx: (row 6) Nothing in this row tells who it is; it was left out.",
        "list.xlsx, column 'DOB': (row 7) There is no such date.",
    ]
    assert quality.reasons == {
        "There is no such date.": 2,
        "Nothing in this row tells who it is; it was left out.": 1,
    }


def test_a_few_broken_rows_are_told_and_many_end_it(tmp_path: Path) -> None:
    good, bad = "Ana,1990-01-31\n", "Bea,Ray,1990-01-31\n"
    quality = read(tmp_path, "first,dob\n" + good * 95 + bad * 5).quality
    assert (quality.rows, quality.used) == (100, 95)
    assert quality.reasons == {"Too many cells: 2 as in the header expected, 3 found.": 5}
    said = refused(tmp_path, "first,dob\n" + good * 30 + bad * 70)
    assert len(said.splitlines()) == 21
    assert said.splitlines()[0].startswith("list.csv, line 32: Too many cells:")
    assert said.endswith("... and 50 more.")


def test_the_first_line_is_not_repeated_if_it_is_a_persons(tmp_path: Path) -> None:
    said = refused(tmp_path, "Zyxquilla,Vortunquist,1990-01-31\nAna,Ray,1990-01-31\n")
    assert said == (
        "list.csv, line 1: A header with the names of the columns was expected, but this seems a "
        "person's."
    )
    mapped = Mapped({"given": "First", "family": "Last"})
    for text in ("Zyxquilla,Vortunquist\nAna,Ray\n", "Zyxquilla,Vortunquist,q@x.org\nAna,Ray,\n"):
        said = refused(tmp_path, text, mapped)
        assert "Zyxquilla" not in said
        assert "Vortunquist" not in said


def test_lists_come_together_with_their_names(tmp_path: Path) -> None:
    one = read(tmp_path, "first,dob\nAna,1990-02-31\n")
    other = read_records(
        write(tmp_path, "first,kind\nBea,x\n", "other.csv"), "other", Mapped({}, {"kind": "kind"})
    )
    assert as_one([one, other]).select("list", "given", "stratum_kind").rows() == [
        ("list", "ana", None), ("other", "bea", "x"),
    ]  # fmt: skip
    assert [problem.line for problem in told([one, other])] == [2]


# Text, Excel and Parquet say the same

PEOPLE = pl.DataFrame(
    {
        "First name": ["Ana", "Bea", "Cleo", None, "Eva"],
        "Surname": ["Ray", "O'Neil", "Núñez", None, None],
        "DOB": [date(1990, 1, 31), date(2001, 12, 1), None, date(1980, 2, 29), date(1899, 5, 5)],
        "Age": [29, None, 17, 40, 50],
        "Sex": ["F", "Female", "M", "?", "other"],
        "Phone": [9165550142.0, None, 5550143.0, None, None],
        "Date": [datetime(2019, 1, 2, 15, 30), None, datetime(2020, 5, 5), None, None],
        "Case no": [1, 2, 3, 4, 5],
    }
)


def as_csv(file: Path) -> None:
    PEOPLE.write_csv(file)


def as_semicolons(file: Path) -> None:
    PEOPLE.write_csv(file, separator=";")


def as_tabs_in_utf16(file: Path) -> None:
    file.write_text(PEOPLE.write_csv(separator="\t"), encoding="utf-16")


def as_utf16_without_a_mark(file: Path) -> None:
    file.write_text(PEOPLE.write_csv(), encoding="utf-16-le")


def as_windows_1252(file: Path) -> None:
    file.write_text(PEOPLE.write_csv(), encoding="cp1252")


def as_parquet(file: Path) -> None:
    PEOPLE.write_parquet(file)


def as_parquet_of_categories(file: Path) -> None:
    PEOPLE.cast({"Sex": pl.Categorical, "Date": pl.Datetime("ns", "UTC"), "Age": pl.Float64})[
        ["Sex", *(c for c in PEOPLE.columns if c != "Sex")]
    ].write_parquet(file)


def as_excel(file: Path) -> None:
    with xlsxwriter.Workbook(file, {"default_date_format": "mmm d, yyyy"}) as book:
        page = book.add_worksheet()
        for i, row in enumerate([PEOPLE.columns, *PEOPLE.rows()]):
            for j, cell in enumerate(row):
                # A spreadsheet has no days before 1900, but as text.
                early = isinstance(cell, date) and cell.year < 1900
                page.write(i, j, str(cell) if early else cell)


@pytest.mark.parametrize(
    "save",
    [
        as_semicolons, as_tabs_in_utf16, as_utf16_without_a_mark, as_windows_1252, as_parquet,
        as_parquet_of_categories, as_excel,
    ],
)  # fmt: skip
def test_the_same_table_gives_the_same_records(
    save: Callable[[Path], None], tmp_path: Path
) -> None:
    as_csv(tmp_path / "list.csv")
    save(tmp_path / "other")
    one, other = (read_records(tmp_path / name, "list") for name in ("list.csv", "other"))
    assert other.frame.drop("row").equals(one.frame.drop("row"))
    assert one.frame.select("phone", "birth", "birth_year", "case").rows() == [
        ("9165550142", "1990-01-31", 1990, "1"),
        (None, "2001-12-01", 2001, "2"),
        ("5550143", None, 2003, "3"),
        (None, "1980-02-29", 1980, "4"),
        (None, None, None, "5"),
    ]
    for part in ("rows", "used", "filled", "alike", "reasons"):
        assert getattr(other.quality, part) == getattr(one.quality, part)


def test_a_parquet_file_numbers_its_rows_from_one(tmp_path: Path) -> None:
    as_parquet(tmp_path / "list.parquet")
    records = read_records(tmp_path / "list.parquet", "list")
    assert records.frame["row"].to_list() == [1, 2, 3, 4, 5]
    assert what(records.quality) == [
        "list.parquet, column 'DOB': (row 5) Nobody was born then who is counted here."
    ]


# What the rest relies on

GOOD = "first,last,dob,sex,phone,email,city,identifier,case\n" + (
    "Ana,Ray,1990-01-31,F,916-555-0142,ana@example.org,Bonn,D1,C1\n"
    "Bea,Ray,,,,,,,\n"
)  # fmt: skip


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("row", 0), ("row", 3), ("given", "Zyxquilla"), ("given", "ana maria"), ("family", "ray "),
        ("family", ""), ("birth", "31/01/1990"), ("birth_year", 990), ("sex", "w"),
        ("phone", "555014"), ("phone", "916-555-0142"), ("email", "ana"), ("place", "Bonn"),
        ("identifier", "d 1"), ("case", ""),
    ],
)  # fmt: skip
def test_a_record_that_linkage_could_not_use_is_refused(
    column: str, value: object, tmp_path: Path
) -> None:
    frame = read(tmp_path, GOOD).frame
    room._check(frame)
    broken = frame.with_columns(
        pl.when(pl.col("given") == "ana").then(pl.lit(value)).otherwise(column).alias(column)
    )
    with pytest.raises(InputError, match="The records do not fit what linkage needs") as error:
        room._check(broken)
    assert f"{column}: " in str(error.value)
    assert "zyxquilla" not in str(error.value).lower()


def test_columns_too_many_too_few_or_of_another_type_are_refused(tmp_path: Path) -> None:
    frame = read(tmp_path, GOOD).frame
    for broken in (
        frame.drop("sex"),
        frame.with_columns(shoe=pl.lit("zyxquilla")),
        frame.with_columns(pl.col("birth_year").cast(pl.String)),
        frame.with_columns(aliases=pl.lit("zyxquilla")),
        frame.with_columns(stratum_year=pl.lit(2020)),
        frame.with_columns(row=pl.lit(None, pl.Int64)),
    ):
        with pytest.raises(InputError, match="The records do not fit") as error:
            room._check(broken)
        assert "zyxquilla" not in str(error.value)
    room._check(frame.with_columns(stratum_year=pl.lit("2020")))


# Whatever stands in the cells

CANARY, NUMBER = "qzxv", "739146"
HEADERS = (
    "first", "last", "client", "aka", "dob", "age", "sex", "phone", "email", "city", "date",
    "case", "ssn", "n" * 4096,  # what begins so is taken for text, whatever comes after
)  # fmt: skip
pieces = st.sampled_from(
    [
        CANARY, NUMBER, "Jane Doe", "unknown", "N/A", "Lopez, Maria", "Jr.", "1990-01-31",
        "31/02/1990", "03/04/2001", "25/12/1998", "36526", "1890", "2050", "15", "150", "F", "x",
        "916-555-0142", "a@b.org", "0", "-1", "1e400", "nan", "١٩٩٠", "٣", "½", "\n", "\r\n", "\r",
        '"', ",", ";", "\t", "'", " ", "\u00a0", "\u200b", "\u2028", "\ufeff", "\x85", "=1+1",
    ]
)  # fmt: skip
cells = st.just("") | st.lists(pieces | st.text(max_size=4), max_size=4).map("".join)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    table=st.lists(st.lists(cells, min_size=14, max_size=14), min_size=1, max_size=12),
    broken=st.lists(st.lists(cells, min_size=1, max_size=16), max_size=2),
    dates=st.sampled_from(["", "day first", "month first"]),
    since=st.sampled_from(["", "2000-01-01"]),
)
def test_whatever_stands_in_the_cells_no_row_is_lost_and_none_is_repeated(
    table: list[list[str]],
    broken: list[list[str]],
    dates: str,
    since: str,
    tmp_path: Path,
) -> None:
    """Rows are used or told; nothing else than a refusal is raised; no message has a cell in it."""
    rows = table + broken
    file = tmp_path / "list.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([HEADERS, *rows])
    mapped = Mapped(strata={"kind": "city"}, dates=dates, since=since)
    try:
        records = read_records(file, "list", mapped)
    except InputError as error:
        said = str(error)
    else:
        quality = records.quality
        assert quality.rows == sum(bool("".join(row).strip()) for row in rows)
        assert quality.rows == quality.used + left_out(quality)
        assert quality.used == records.frame.height
        assert sum(quality.reasons.values()) == len(quality.problems)
        said = "\n".join([*map(str, quality.problems), *quality.notes, *quality.reasons])
    said = said.replace(str(tmp_path), "").lower()
    assert CANARY not in said
    assert NUMBER not in said


@pytest.mark.parametrize(
    "cell",
    [
        None, True, -1, 10**30, float("nan"), float("inf"), 1e300, b"\xff\x00", [1, 2], {"a": 1},
        date(1, 1, 1), date(9999, 12, 31), datetime(2020, 1, 1, tzinfo=UTC), timedelta(1),
    ],
    ids=repr,
)  # fmt: skip
def test_parquet_cells_of_any_type_are_read(cell: Any, tmp_path: Path) -> None:
    kind = pl.Int128 if cell == 10**30 else None
    odd = pl.Series([cell], dtype=kind)
    table = pl.DataFrame({"first": ["Ana"], **dict.fromkeys(HEADERS[4:13], odd)})
    table.write_parquet(tmp_path / "list.parquet")
    quality = read_records(tmp_path / "list.parquet", "list", Mapped(dates="day first")).quality
    assert (quality.rows, quality.used) == (1, 1)


# Size

MEASURE = """
import sys
from darkfigure.lists.records import read_records

def peak():  # of this program alone; ru_maxrss has its parent's memory in it
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) / 1024

read_records(sys.argv[1], "small")  # what it takes to load the program
before = peak()
print(read_records(sys.argv[2], "large").quality.used, peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells a peak of memory")
def test_a_large_list_needs_the_memory_of_what_is_wanted_of_it(tmp_path: Path) -> None:
    """At most 64 MiB and 1 KiB a record, whatever else stands in the file.

    What is kept are the cells that are wanted, as text and standardised, side by side: about twelve
    columns twice, at some 20 to 30 bytes a cell. Only 50,000 rows at a time are objects of Python,
    of nearly 1 KiB each. All of them at once would be as much again as is allowed here; and the
    notes, which nobody asked for, a third of it. So a million rows need about 1 GiB at most.
    """
    note = "of no interest " * 20

    def table(name: str, rows: int) -> Path:
        file = tmp_path / name
        with file.open("w") as stream:
            stream.write("First name,Last name,DOB,Sex,Phone,City,Date,Case,Notes\n")
            for i in range(rows):
                letters = f"{chr(97 + i % 26)}{chr(97 + i // 26 % 26)}"
                day = f"{i % 12 + 1:02}-{i % 28 + 1:02}"
                stream.write(
                    f"Ana{letters},Ray{letters},{1950 + i % 50}-{day},F,916{i:07},Bonn,2019-{day},"
                    f"C{i},{note}{i}\n"
                )
        return file

    files = table("small.csv", 1_000), table("large.csv", 200_000)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *files], capture_output=True, text=True, check=True
    )
    used, grown = done.stdout.split()
    assert int(used) == 200_000
    assert float(grown) < 64 + 200_000 / 1024  # MiB
