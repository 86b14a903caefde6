"""Table files as numbered rows: text, workbooks and Parquet say the same."""

from __future__ import annotations

import datetime
import zipfile
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from darkfigure import InputError, workbook
from darkfigure.lists.overlap_table import read_overlap_table
from darkfigure.spreadsheet import Complaints, Sheet, open_sheet

PEOPLE = [
    ("id", "born", "seen", "on the list", "weight"),
    ("007", datetime.date(1990, 1, 31), datetime.datetime(2024, 3, 4, 15, 30), True, 61.5),
    ("8", datetime.date(2001, 12, 1), datetime.datetime(2024, 3, 5), False, 70.0),
]
AS_TEXT = [
    ("007", "1990-01-31", "2024-03-04 15:30:00", "true", "61.5"),
    ("8", "2001-12-01", "2024-03-05", "false", "70"),
]


def write_xlsx(path: Path, top: int = 0, left: int = 0) -> None:
    with xlsxwriter.Workbook(path, {"default_date_format": "dd.mm.yyyy hh:mm"}) as book:
        book.add_worksheet("nothing here")
        page = book.add_worksheet("people")
        for i, row in enumerate(PEOPLE):
            for j, cell in enumerate(row):
                page.write(top + i, left + j, cell)


def write_ods(path: Path) -> None:
    def cell(value: object) -> str:
        match value:
            case bool():
                kind = f'boolean" office:boolean-value="{str(value).lower()}'
            case float():
                kind = f'float" office:value="{value}'
            case datetime.date():
                kind = f'date" office:date-value="{value.isoformat()}'
            case _:
                kind = "string"
        return (
            f'<table:table-cell office:value-type="{kind}"><text:p>{value}</text:p>'
            "</table:table-cell>"
        )

    rows = "".join(
        f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in PEOPLE
    )
    spaces = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "table", "text")
    )
    with zipfile.ZipFile(path, "w") as book:
        book.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        book.writestr(
            "META-INF/manifest.xml",
            '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"'
            "/>",
        )
        book.writestr(
            "content.xml",
            f"<office:document-content{spaces}><office:body><office:spreadsheet>"
            f'<table:table table:name="people">{rows}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        )


def read(path: Path) -> tuple[Sheet, list[tuple[int, object]]]:
    sheet = open_sheet(path)
    return sheet, [*sheet.rows(range(len(sheet.columns)))]


@pytest.mark.parametrize(("write", "name"), [(write_xlsx, "p.xlsx"), (write_ods, "p.ods")])
def test_a_workbook_is_read_as_its_csv_would_be(write, name: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    write(tmp_path / name)
    sheet, rows = read(tmp_path / name)
    assert sheet.columns == list(PEOPLE[0])
    assert (sheet.header, sheet.numbered) == (1, "row")
    assert [number for number, _ in rows] == [2, 3]
    cells = [tuple(str(cell).replace("T", " ") for cell in row) for _, row in rows]  # type: ignore[attr-defined]
    assert cells == AS_TEXT


def test_rows_have_the_numbers_that_the_spreadsheet_shows(tmp_path: Path) -> None:
    write_xlsx(tmp_path / "p.xlsx", top=4, left=2)
    sheet, rows = read(tmp_path / "p.xlsx")
    assert sheet.header == 5
    assert rows == [(6, AS_TEXT[0]), (7, AS_TEXT[1])]
    assert str(sheet.problem("Wrong.", 6, "born")) == (
        f"{tmp_path / 'p.xlsx'}, column 'born': (row 6) Wrong."
    )


def test_a_name_over_several_columns_names_the_first(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "p.xlsx") as book:
        page = book.add_worksheet()
        page.merge_range(0, 0, 0, 1, "name")
        page.write_row(1, 0, ["Ana", "Lee", 12.0])
        page.write_datetime(1, 3, datetime.time(9, 5), book.add_format({"num_format": "hh:mm"}))
    sheet, rows = read(tmp_path / "p.xlsx")
    assert sheet.columns == ["name", "", "", ""]
    assert rows == [(2, ("Ana", "Lee", "12", "09:05:00"))]


def test_an_overlap_table_may_be_a_workbook(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "lists.xlsx") as book:
        page = book.add_worksheet()
        for i, row in enumerate([["a", "b", "n"], [1, 0, 5], [], [0, True, 4], ["x", "x", 3]]):
            page.write_row(i, 0, row)
    (tmp_path / "lists.csv").write_text("a,b,n\n1,0,5\n0,1,4\n1,1,3\n")
    expected = read_overlap_table(tmp_path / "lists.csv")
    assert read_overlap_table(tmp_path / "lists.xlsx") == expected
    (tmp_path / "lists.xlsx").rename(tmp_path / "lists.dat")
    assert read_overlap_table(tmp_path / "lists.dat") == expected


def test_without_the_packages_for_it_a_workbook_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_xlsx(tmp_path / "p.xlsx")
    monkeypatch.setattr(workbook, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'darkfigure\[link\]'. Or open this one and"):
        open_sheet(tmp_path / "p.xlsx")


def test_a_workbook_damaged_within_is_refused(tmp_path: Path) -> None:
    write_xlsx(tmp_path / "whole.xlsx")
    with (
        zipfile.ZipFile(tmp_path / "whole.xlsx") as whole,
        zipfile.ZipFile(tmp_path / "p.xlsx", "w") as part,
    ):
        for name in whole.namelist():
            content = whole.read(name)
            part.writestr(name, content[: len(content) // 2])
    with pytest.raises(InputError, match="This is a damaged spreadsheet"):
        open_sheet(tmp_path / "p.xlsx")


def test_any_columns_in_any_order_and_as_often_as_asked(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("a,b,c\n1,2,3\n\n4,5,6\n7,8\n")
    few = "Too few cells: 3 as in the header expected, 2 found."
    sheet = open_sheet(tmp_path / "p.csv")
    assert [*sheet.rows([2, 0])] == [(2, ("3", "1")), (4, ("6", "4")), (5, few)]
    assert [*sheet.rows([1])] == [(2, ("2",)), (4, ("5",)), (5, few)]
    assert [*sheet.rows([])] == [(2, ()), (4, ()), (5, few)]
    pl.DataFrame({" a ": [1, 2], "b": [None, 2.5]}).write_parquet(tmp_path / "p.parquet")
    sheet = open_sheet(tmp_path / "p.parquet")
    assert (sheet.columns, sheet.header) == (["a", "b"], None)
    assert [*sheet.rows([1, 0])] == [*sheet.rows([1, 0])] == [(1, (None, 1)), (2, (2.5, 2))]


def test_the_encoding_is_settled_before_the_first_row(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_bytes(b"a,b\n" + b"1,2\n" * 500_000 + b"K\xf6ln,2\n")
    sheet = open_sheet(tmp_path / "p.csv")
    assert "Windows-1252" in sheet.notes[0]
    *_, (number, cells) = sheet.rows([0])
    assert (number, cells) == (500_002, ("Köln",))


def test_a_column_that_is_wrong_throughout_is_one_problem() -> None:
    wrong = Complaints(Sheet("list.csv", ["a", "b"], lambda columns: iter(())))
    for line in range(2, 100):
        wrong.add(line, "This is no date.", "b")
    wrong.add(50, "Too few cells.")
    assert wrong.number == 99
    wrong.gather("b", "No cell of this column is a date.")
    with pytest.raises(InputError) as refused:
        wrong.finish()
    assert str(refused.value).splitlines() == [
        "list.csv, line 2, column 'b': No cell of this column is a date.",
        "list.csv, line 50: Too few cells.",
    ]
