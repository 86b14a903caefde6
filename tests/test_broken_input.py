"""Broken tables are refused with a sentence that says what is wrong and where."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import xlsxwriter

from darkfigure import InputError
from darkfigure.lists.overlap_table import read_overlap_table, read_strata


@dataclass(frozen=True)
class Broken:
    """What a file holds, and what must be said about it."""

    content: str | bytes | Callable[[Path], object]
    says: str
    line: int | None = None
    column: str | None = None
    file: str = "lists.csv"

    def write(self, folder: Path) -> Path:
        path = folder / self.file
        if callable(self.content):
            self.content(path)
        else:
            text = self.content
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def sentence(self, path: Path) -> str:
        line = "" if self.line is None else f", line {self.line}"
        column = "" if self.column is None else f", column '{self.column}'"
        return f"{path}{line}{column}: {self.says}"


def workbook(*sheets: str) -> Callable[[Path], None]:
    """Write a workbook with these sheets, cells separated by commas."""

    def write(path: Path) -> None:
        with xlsxwriter.Workbook(path) as book:
            for sheet in sheets or ("",):
                page = book.add_worksheet()
                for i, line in enumerate(sheet.splitlines()):
                    for j, cell in enumerate(line.split(",")):
                        if cell.startswith("="):
                            page.write_formula(i, j, cell, value="#DIV/0!")
                        elif cell:
                            page.write(i, j, int(cell) if cell.isdigit() else cell)

    return write


GOOD = "a,b,n\n1,0,5\n0,1,4\n1,1,3\n"

BROKEN = {
    "a_negative_count": Broken(GOOD + "1,1,-3\n", "The count is negative;", 5, "n"),
    "a_fractional_count": Broken(GOOD + "1,1,2.5\n", "The count is not a whole number;", 5, "n"),
    "a_missing_count": Broken(GOOD + "1,1,\n", "The count is missing;", 5, "n"),
    "a_count_in_words": Broken(GOOD + "1,1,seven\n", "The count is a text of 5 char", 5, "n"),
    "a_count_of_nan": Broken(GOOD + "1,1,nan\n", "The count is a text of 3 char", 5, "n"),
    "a_count_with_commas": Broken(GOOD + '1,1,"1,200"\n', "The count is a text of 5", 5, "n"),
    "an_immense_count": Broken(GOOD + f"1,1,{10**12 + 1}\n", "The count is larger than", 5, "n"),
    "an_immense_total": Broken(
        f"a,b,n\n1,0,{10**12}\n0,1,1\n", "The counts add up to more than 1,000,000,000,000"
    ),
    "a_cell_that_is_not_binary": Broken(GOOD + "2,1,1\n", "This cell is 2; 0 or 1 was", 5, "a"),
    "a_cell_with_a_name": Broken(GOOD + "1,Maria,1\n", "This cell is a text of 5 char", 5, "b"),
    "a_column_of_names": Broken(
        "who,a,b\n" + "Maria,1,1\n" * 9, "Most cells of this column are neither 0 nor 1", 2, "who"
    ),
    "people_on_no_list": Broken(GOOD + "0,0,7\n", "This row is on no list at all", 5),
    "a_person_on_no_list": Broken("a,b\n1,0\n0,0\n1,1\n", "This row is on no list at all", 3),
    "the_same_column_twice": Broken("a,b,a\n1,0,1\n", "2 columns have this name;", 1, "a"),
    "the_same_column_but_for_blanks": Broken("a, a ,b\n1,0,1\n", "2 columns have this", 1, "a"),
    "a_column_without_a_name": Broken("a,,b\n1,0,1\n", "Column 2 has no name;", 1),
    "two_possible_counts": Broken("a,b,n,people\n1,1,2,2\n", "Any of 'n', 'people' could", 1),
    "one_list_only": Broken("a,n\n1,5\n", "At least two lists are needed", 1),
    "one_column_only": Broken("a\n1\n", "There is only one column;", 1),
    "too_many_lists": Broken(
        ",".join(f"l{i}" for i in range(21)) + "\n" + ",".join("1" * 21) + "\n",
        "21 columns would be lists, and 20 is the most",
        1,
    ),
    "no_header": Broken("1,0,5\n0,1,4\n", "A header line with the names", 1),
    "a_header_without_rows": Broken("a,b,n\n\n\n", "The table has a header but no rows;"),
    "an_empty_file": Broken("", "The file is empty;"),
    "a_file_of_blank_lines": Broken("\n \n\n", "The file is empty;"),
    "lists_with_nobody_on_them": Broken("a,b,n\n1,0,5\n", "Nobody is on 'b'; at least two"),
    "counts_that_are_all_zero": Broken("a,b,n\n1,1,0\n", "Nobody is on 'a', 'b'; at least"),
    "too_few_cells": Broken(GOOD + "1,1\n", "Too few cells: 3 as in the header exp", 5),
    "too_many_cells": Broken(GOOD + "1,1,2,9\n", "Too many cells: 3 as in the header", 5),
    "an_open_quotation_mark": Broken(GOOD + '1,"1,2\n1,1,3\n', "A quotation mark here has", 5),
    "binary_garbage": Broken(bytes(range(256)) * 4, "This is not a text file;"),
    "text_cut_in_the_middle": Broken("a,b\n1,1\n".encode("utf-16")[:-1], "This is not a text file"),
    "a_damaged_spreadsheet": Broken(b"PK\x03\x04 and so on", "This is a damaged", file="l.xlsx"),
    "a_damaged_old_spreadsheet": Broken(b"\xd0\xcf\x11\xe0" * 9, "This is a damaged", file="l.xls"),
    "a_protected_spreadsheet": Broken(
        b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le"),
        "This spreadsheet is protected by a password;",
        file="lists.xlsx",
    ),
    "an_empty_spreadsheet": Broken(workbook(), "The workbook is empty;", file="lists.xlsx"),
    "a_spreadsheet_with_two_tables": Broken(
        workbook("a,b\n1,1", "", "Maria\n1"), "Sheets 1 and 3 of this workbook", file="lists.xlsx"
    ),
    "a_spreadsheet_without_a_header": Broken(
        workbook("\n1,0\n1,1"), "(row 2) A header line with the names", file="lists.xlsx"
    ),
    "a_wrong_cell_of_a_spreadsheet": Broken(
        workbook("a,b\n1,1\n\n0,Maria"),
        "(row 4) This cell is a text of 5 char",
        column="b",
        file="lists.xlsx",
    ),
    "a_formula_that_fails": Broken(
        workbook("a,b\n1,1\n1,=1/0"), "(row 3) This cell is a text of", column="b", file="l.xlsx"
    ),
    "small_counts_held_back": Broken(GOOD + "?,?,12\n", "This table holds back small counts;", 5),
    "a_count_held_back_as_less": Broken(GOOD + "1,1,<5\n", "This table holds back small co", 5),
    "a_count_held_back_in_a_word": Broken(GOOD + "1,1,Suppressed\n", "This table holds back", 5),
    "small_counts_held_back_in_a_spreadsheet": Broken(
        workbook("a,b,n\n1,1,5\n?,?,12"), "(row 3) This table holds back small", file="lists.xlsx"
    ),
    "a_compressed_file": Broken(b"\x1f\x8b\x08\x00", "This file is compressed", file="l.csv.gz"),
    "a_damaged_parquet": Broken(b"PAR1" + b"abc" * 99, "This Parquet file is", file="l.parquet"),
    "a_parquet_that_is_text": Broken(GOOD, "This Parquet file is damaged", file="l.parquet"),
    "a_missing_file": Broken(lambda path: None, "There is no such file;"),
    "a_folder": Broken(Path.mkdir, "This is a folder;"),
}  # fmt: skip


def run_cli(arguments: list[str]) -> str:
    """What the command line says on standard error when it refuses its input."""
    done = subprocess.run(
        [sys.executable, "-m", "darkfigure", "size", *arguments], capture_output=True, text=True
    )
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize("kind", BROKEN)
def test_refuses(kind: str, tmp_path: Path) -> None:
    broken = BROKEN[kind]
    path = broken.write(tmp_path)
    with pytest.raises(InputError) as refusal:
        read_overlap_table(path)
    assert broken.sentence(path) in str(refusal.value)
    assert len(refusal.value.problems) == 1
    assert "Maria" not in str(refusal.value)


@pytest.mark.parametrize("kind", BROKEN)
def test_the_command_line_refuses(kind: str, tmp_path: Path) -> None:
    broken = BROKEN[kind]
    path = broken.write(tmp_path)
    said = run_cli([str(path)])
    assert broken.sentence(path) in said
    assert "Maria" not in said


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_refuses_a_file_it_may_not_read(tmp_path: Path) -> None:
    path = Broken(GOOD, "").write(tmp_path)
    path.chmod(0)
    with pytest.raises(InputError, match="You may not read this file"):
        read_overlap_table(path)


def test_refuses_a_file_that_cannot_be_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = Broken(GOOD, "").write(tmp_path)
    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(InputError, match="You may not read this file"):
        read_overlap_table(path)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"lists": ["a", "bb"]}, "There is no column 'bb'; did you mean one of 'b'?"),
        ({"count": "m"}, "There is no column 'm'; did you mean one of 'a', 'b', 'n'?"),
        ({"lists": {"a": "police", "b": " police"}}, "2 lists are called 'police';"),
        ({"lists": {"a": "police", "b": " "}}, "A list was given an empty name;"),
        ({"lists": ["a"]}, "At least two lists are needed"),
        ({"lists": []}, "At least two lists are needed"),
        ({"lists": ["a", "b", "n"], "count": "n"}, "column 'n': This column has two roles;"),
    ],
)
def test_refuses_a_wrong_choice_of_columns(
    options: dict[str, object], says: str, tmp_path: Path
) -> None:
    path = Broken(GOOD, "").write(tmp_path)
    with pytest.raises(InputError) as refusal:
        read_overlap_table(path, **options)  # type: ignore[arg-type]
    assert says in str(refusal.value)


def test_refuses_strata_by_a_column_that_is_not_there(tmp_path: Path) -> None:
    path = Broken(GOOD, "").write(tmp_path)
    with pytest.raises(InputError, match="There is no column 'year'"):
        read_strata(path, by=["year"])


def test_refuses_more_strata_than_anyone_means(tmp_path: Path) -> None:
    people = "".join(f"{i},1,1\n" for i in range(1001))
    path = Broken("id,a,b\n" + people, "").write(tmp_path)
    with pytest.raises(InputError, match="More than 1,000 strata"):
        read_strata(path, by=["id"])


def test_tells_everything_at_once(tmp_path: Path) -> None:
    path = Broken("a,b,n\n1,0,-1\n1,2,3\n1,1\n0,0,5\n1,1,1\n1,1,1\n", "").write(tmp_path)
    with pytest.raises(InputError) as refusal:
        read_overlap_table(path)
    assert [problem.line for problem in refusal.value.problems] == [2, 3, 4, 5]


def test_tells_the_first_twenty_and_how_many_more(tmp_path: Path) -> None:
    path = Broken("a,b,n\n" + "1,1,-1\n" * 1000, "").write(tmp_path)
    with pytest.raises(InputError) as refusal:
        read_overlap_table(path)
    assert len(refusal.value.problems) == 21
    assert str(refusal.value).endswith("... and 980 more.")
