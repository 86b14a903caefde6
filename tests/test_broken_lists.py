"""Broken lists, studies and calls are refused in sentences, and nothing is left half done."""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from darkfigure import cli

CANARY = ("zyxquilla", "vortunquist", "9917654321", "1987-11-23")
"""One person on every list, who must be in no message."""

HEADER = "First name,Last name,DOB,Phone"
PEOPLE = [
    "Zyxquilla,Vortunquist,1987-11-23,991-765-4321",
    *(f"Ana{'abcdefgh'[i % 8]},Ray{'klmnop'[i % 6]},{1970 + i}-03-{i + 1:02},916-555-{i:04}"
      for i in range(23)),
]  # fmt: skip
LIST = "\n".join([HEADER, *PEOPLE, ""])

ABOUT = 'title = "Broken"\npeople = "made-up people"\nplace = "Nowhere"\nperiod = "2020"\n'
STUDY = f"""\
{ABOUT}[records.police]
file = "police.csv"
[records.shelter]
file = "shelter.csv"
"""
RUN = ("run", "study.toml", "--out", "out")
LINK = ("link", "study.toml", "--out", "table.csv")
PROTECT = ("protect", "police.csv", "--key", "study.key", "--out", "made.parquet")

Change = Callable[[Path], object]


@dataclass(frozen=True)
class Broken:
    """What is done to a good study, what is called, and what must be said of it."""

    says: str
    change: Change
    call: tuple[str, ...] = RUN
    code: int = 2


def police(content: str | bytes) -> Change:
    """The list of the police is this instead."""
    raw = content if isinstance(content, bytes) else content.encode()
    return lambda folder: (folder / "police.csv").write_bytes(raw)


def study(old: str, new: str) -> Change:
    """The study says this instead."""

    def change(folder: Path) -> None:
        assert old in STUDY
        (folder / "study.toml").write_text(STUDY.replace(old, new, 1))

    return change


def lists(text: str) -> Change:
    """The study has these lists instead."""
    return lambda folder: (folder / "study.toml").write_text(ABOUT + text)


def workbook(*sheets: str) -> Change:
    def change(folder: Path) -> None:
        with xlsxwriter.Workbook(folder / "police.csv") as book:
            for sheet in sheets:
                page = book.add_worksheet()
                for i, line in enumerate(sheet.splitlines()):
                    page.write_row(i, 0, line.split(","))

    return change


def parquet(keep: float) -> Change:
    """A Parquet file of which only a part has arrived."""

    def change(folder: Path) -> None:
        file = folder / "police.csv"
        pl.read_csv(file).write_parquet(file)
        whole = file.read_bytes()
        file.write_bytes(whole[: int(keep * len(whole))])

    return change


def protected(*files: str, keep: float = 1) -> Change:
    """The study has these lists, which are protected or not."""

    def change(folder: Path) -> None:
        text = "".join(f'[records.{"abc"[i]}]\nfile = "{file}"\n' for i, file in enumerate(files))
        (folder / "study.toml").write_text(ABOUT + text)
        whole = (folder / files[0]).read_bytes()
        (folder / files[0]).write_bytes(whole[: int(keep * len(whole))])

    return change


def both(*changes: Change) -> Change:
    return lambda folder: [change(folder) for change in changes]


def nothing(folder: Path) -> None:
    """The study is as it was; the call is wrong."""


def rows(*dates: str) -> str:
    return f"{HEADER}\n" + "".join(f"Ana,Ray,{each},\n" for each in dates)


FIELDS = "[records.police.columns]\n"
NO_NAMES = "Shoe,Hat\n" + "41,58\n" * 9
UNKNOWN = f"{HEADER}\n" + "unknown,N/A,,\nJane,Doe,?,000-0000\n" * 9
TWENTY_ONE = "".join(f'[records.l{i}]\nfile = "police.csv"\n' for i in range(21))
ENCRYPTED = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le")

BROKEN = {
    # The file of a list
    "a_missing_list": Broken(
        "study.toml, line 6: There is no data file 'police.csv' beside the study.",
        lambda folder: (folder / "police.csv").unlink(),
    ),
    "a_folder_for_a_list": Broken(
        "study.toml, line 6: There is no data file 'police.csv'",
        both(lambda folder: (folder / "police.csv").unlink(),
             lambda folder: (folder / "police.csv").mkdir()),
    ),
    "an_empty_list": Broken("police.csv: The file is empty;", police("")),
    "a_list_of_blank_lines": Broken("police.csv: The file is empty;", police("\n \n\n")),
    "a_header_without_rows": Broken(
        "police.csv: The table has a header but no rows;", police(f"{HEADER}\n\n")
    ),
    "a_list_without_a_header": Broken(
        "police.csv, line 1: A header with the names of the columns was expected",
        police("\n".join(PEOPLE)),
    ),
    "no_column_that_tells_people_apart": Broken(
        "police.csv, line 1: No column here tells people apart;", police(NO_NAMES)
    ),
    "another_separator": Broken(
        "police.csv, line 1: There is only one column,", police(LIST.replace(",", "|"))
    ),
    "two_columns_of_one_name": Broken(
        "police.csv, line 1, column 'DOB': 2 columns have this name;",
        police(LIST.replace("Phone", "DOB", 1)),
    ),
    "two_columns_that_could_be_one_field": Broken(
        "police.csv, line 1: Any of 'DOB', 'born' could be the birth;",
        police(LIST.replace("Phone", "born", 1)),
    ),
    "an_open_quotation_mark": Broken(
        "police.csv, line 3: A quotation mark here has no partner,",
        police(LIST.replace("Anaa", '"Anaa', 1)),
    ),
    "an_immense_cell": Broken(
        "police.csv, line 3: A quotation mark here has no partner, or a cell is far too long;",
        police(LIST.replace("Anaa", "A" * 200_000, 1)),
    ),
    "too_many_broken_rows": Broken(
        "police.csv, line 4: Too few cells: 4 as in the header expected, 3 found.",
        police(LIST.replace(",916-555-0001", "").replace(",916-555-0007", "")),
    ),
    "binary_junk": Broken("police.csv: This is not a text file;", police(bytes(range(256)) * 9)),
    "null_bytes": Broken(
        "police.csv: This is not a text file;", police(LIST.replace("Anaa", "An\0a"))
    ),
    "text_cut_in_the_middle": Broken(
        "police.csv: This is not a text file;", police(LIST.encode("utf-16")[:-1])
    ),
    "a_compressed_list": Broken(
        "police.csv: This file is compressed", police(gzip.compress(LIST.encode()))
    ),
    "a_workbook_with_a_password": Broken(
        "police.csv: This spreadsheet is protected by a password;", police(ENCRYPTED)
    ),
    "a_damaged_workbook": Broken(
        "police.csv: This is a damaged spreadsheet,", police(b"PK\x03\x04 and so on")
    ),
    "an_empty_workbook": Broken("police.csv: The workbook is empty;", workbook("")),
    "a_workbook_of_several_lists": Broken(
        "police.csv: Sheets 1 and 2 of this workbook all have data", workbook(LIST, LIST)
    ),
    "half_a_parquet_file": Broken("police.csv: This Parquet file is damaged", parquet(keep=0.5)),
    "a_parquet_file_without_its_end": Broken(
        "police.csv: This Parquet file is damaged", parquet(keep=0.99)
    ),
    # What is in it
    "a_date_format_that_nobody_can_tell": Broken(
        "police.csv, column 'DOB': It cannot be told whether the day or the month stands first:",
        police(rows("03/04/2001", "05/06/2002")),
    ),
    "dates_that_disagree": Broken(
        "police.csv, column 'DOB': It cannot be told whether the day or the month stands first: "
        "the dates of this column disagree",
        police(rows("25/12/2001", "12/25/2001")),
    ),
    "dates_that_belie_the_study": Broken(
        "police.csv, column 'DOB': The study says \"month first\" for this list, but 2 dates",
        both(police(rows("25/12/2001", "26/12/2001")),
             study('"police.csv"', '"police.csv"\ndates = "month first"')),
    ),
    "dates_that_are_all_impossible": Broken(
        "police.csv, column 'DOB': 24 of the 24 cells that say something here are no dates;",
        police(rows(*["31/02/2001"] * 24)),
    ),
    "a_list_on_which_everybody_is_unknown": Broken(
        "police.csv: No row of this list says anything to recognise a person by;",
        police(UNKNOWN),
    ),
    "a_list_of_another_time": Broken(
        "police.csv: No contact of this list lies in the study's time;",
        both(police("First name,Date\nAna,2001-01-31\n"),
             study("[records.shelter]", "[link]\nsince = 2015-01-01\n[records.shelter]")),
    ),
    "lists_that_share_nothing": Broken(
        "darkfigure: The lists have nothing in common",
        both(police("Phone\n916-555-0001\n916-555-0002\n"),
             lambda folder: (folder / "shelter.csv").write_text("Email\na@x.org\nb@x.org\n")),
        code=1,
    ),
    # Which column is what
    "a_column_that_is_not_there": Broken(
        "police.csv, line 1: There is no column 'Last nam' (for family); did you mean one of "
        "'Last name'",
        study("[records.shelter]", f'{FIELDS}family = "Last nam"\n[records.shelter]'),
    ),
    "a_stratum_that_is_not_there": Broken(
        "police.csv, line 1: There is no column 'Year' (for year);",
        study("[records.shelter]", '[records.police.strata]\nyear = "Year"\n[records.shelter]'),
    ),
    "a_field_that_no_list_has": Broken(
        "police.csv, line 1: A list has no field 'surnam'; the fields are given, family,",
        study("[records.shelter]", f'{FIELDS}surnam = "Last name"\n[records.shelter]'),
    ),
    # The study
    "a_missing_study": Broken(
        "other.toml: There is no such file;", nothing, ("run", "other.toml", "--out", "out")
    ),
    "a_study_that_is_a_list": Broken(
        "police.csv, line 1: This is not TOML:", nothing, ("link", "police.csv", "--out", "t.csv")
    ),
    "one_list_only": Broken(
        "study.toml, line 1: the study: give 2 to 20 lists, each as [records.NAME]; there is 1.",
        study('[records.shelter]\nfile = "shelter.csv"\n', ""),
    ),
    "more_lists_than_can_be_estimated_from": Broken(
        "study.toml, line 1: the study: give 2 to 20 lists, each as [records.NAME]; there are 21.",
        lists(TWENTY_ONE),
    ),
    "lists_and_a_table": Broken(
        "study.toml, line 1: the study: give either [data]",
        study("[records.police]", '[data]\ntable = "uk-2013"\n[records.police]'),
    ),
    "neither_lists_nor_a_table": Broken("study.toml, line 1: the study: give either", lists("")),
    "two_lists_of_one_name": Broken(
        "study.toml, line 1: the study: two lists are called 'police';",
        study('"shelter.csv"', '"shelter.csv"\nname = "police"'),
    ),
    "a_list_without_a_file": Broken(
        "study.toml, line 7: The setting 'records.shelter.file' is missing.",
        study('file = "shelter.csv"', ""),
    ),
    "a_misspelt_setting_of_a_list": Broken(
        "study.toml, line 7: There is no setting 'records.police.date'. Did you mean 'dates'?",
        study('"police.csv"', '"police.csv"\ndate = "day first"'),
    ),
    "an_order_of_dates_in_other_words": Broken(
        "study.toml, line 7: The setting 'records.police.dates' does not fit:",
        study('"police.csv"', '"police.csv"\ndates = "dd/mm/yyyy"'),
    ),
    "a_truth_of_real_data": Broken(
        "study.toml, line 1: the study: the truth is known of made-up data only",
        study("[records.police]", "truth = 400\n[records.police]"),
    ),
    "a_time_that_ends_before_it_begins": Broken(
        "study.toml, line 7: link: the time begins ('since', 2020-01-01) after it ends",
        study("[records.shelter]", "[link]\nsince = 2020-01-01\nuntil = 2019-12-31\n"
              "[records.shelter]"),
    ),
    "a_time_in_quotes": Broken(
        "study.toml, line 8: The setting 'link.since' does not fit: it must be a day,",
        study("[records.shelter]", '[link]\nsince = "2020-01-01"\n[records.shelter]'),
    ),
    "a_single_draw": Broken(
        "study.toml, line 8: The setting 'link.draws' does not fit:",
        study("[records.shelter]", "[link]\ndraws = 1\n[records.shelter]"),
    ),
    "a_method_that_is_not_there": Broken(
        "study.toml, line 7: ",
        study("[records.shelter]", '[method]\nname = "magic"\n[records.shelter]'),
    ),
    # Protected lists and keys
    "a_protected_list_among_plain_ones": Broken(
        "study.toml: 'a' is protected and 'b' is not; they cannot be compared.",
        protected("police.parquet", "shelter.csv"),
    ),
    "lists_protected_with_different_keys": Broken(
        "darkfigure: The lists were protected with different keys and cannot be compared.",
        protected("police.parquet", "other.parquet"),
    ),
    "a_protected_list_that_was_cut": Broken(
        "police.parquet: This Parquet file is damaged or incomplete;",
        protected("police.parquet", "shelter.parquet", keep=0.7),
    ),
    "protecting_without_a_key": Broken(
        "darkfigure: Give the list, the key and where to write:",
        nothing,
        ("protect", "police.csv", "--out", "made.parquet"),
    ),
    "protecting_into_nowhere": Broken(
        "darkfigure: Give the list, the key and where to write:",
        nothing,
        ("protect", "police.csv", "--key", "study.key"),
    ),
    "a_key_that_is_not_there": Broken(
        "study.key: The key cannot be read: No such file",
        lambda folder: (folder / "study.key").unlink(),
        PROTECT,
    ),
    "a_key_that_is_none": Broken(
        "police.csv: This is no darkfigure key;",
        nothing,
        ("protect", "police.csv", "--key", "police.csv", "--out", "made.parquet"),
    ),
    "a_damaged_key": Broken(
        "study.key: This key is damaged: a character is missing or wrong.",
        lambda folder: (folder / "study.key").write_text(
            (folder / "study.key").read_text()[:-3] + "\n"
        ),
        PROTECT,
    ),
    "a_new_key_over_another": Broken(
        "study.key: There is a file of this name already.",
        nothing,
        ("protect", "--new-key", "--key", "study.key"),
    ),
    "a_new_key_and_a_list": Broken(
        "darkfigure: --new-key makes a key and nothing else;",
        nothing,
        ("protect", "police.csv", "--new-key", "--key", "new.key"),
    ),
    "a_new_key_in_a_folder_that_is_not_there": Broken(
        "nowhere/new.key: The key cannot be written here: No such file",
        nothing,
        ("protect", "--new-key", "--key", "nowhere/new.key"),
    ),
    "protecting_twice": Broken(
        "police.parquet: This list is protected already.",
        nothing,
        ("protect", "police.parquet", "--key", "study.key", "--out", "made.parquet"),
    ),
    "protecting_a_broken_list": Broken(
        "police.csv, line 3: A quotation mark here has no partner,",
        police(LIST.replace("Anaa", '"Anaa', 1)),
        PROTECT,
    ),
    "protecting_a_list_that_the_study_has_not": Broken(
        "study.toml: The study has no list 'hospital'; say which it is by --name: police, shelter.",
        lambda folder: shutil.copy(folder / "police.csv", folder / "hospital.csv"),
        ("protect", "hospital.csv", "--key", "study.key", "--out", "made.parquet", "--study",
         "study.toml"),
    ),
    "protecting_into_another_kind_of_file": Broken(
        "made.csv: A protected list is a Parquet file:",
        nothing,
        (*PROTECT[:-1], "made.csv"),
    ),
    "protecting_into_a_folder_that_is_not_there": Broken(
        "nowhere/made.parquet: The protected list cannot be written: No such file",
        nothing,
        (*PROTECT[:-1], "nowhere/made.parquet"),
    ),
    # The call
    "linking_a_table": Broken(
        "study.toml: This study has no raw lists to link,",
        lists('[data]\ntable = "uk-2013"\n'),
        LINK,
    ),
    "an_engine_that_is_not_there": Broken(
        "darkfigure: The engine is 'local' or 'spark', not 'abacus'.",
        nothing,
        (*RUN, "--engine", "abacus"),
    ),
    "linking_with_an_engine_that_is_not_there": Broken(
        "darkfigure: The engine is 'local' or 'spark', not 'abacus'.",
        nothing,
        (*LINK, "--engine", "abacus"),
    ),
    "writing_into_a_file": Broken(
        "shelter.csv: The folder cannot be written to:", nothing, (*RUN[:-1], "shelter.csv")
    ),
    "writing_below_a_file": Broken(
        "shelter.csv/out: The folder cannot be written to: Not a directory.",
        nothing,
        (*RUN[:-1], "shelter.csv/out"),
    ),
    "writing_a_table_where_a_folder_is": Broken(
        "out: This is a folder; name the file to write in it.",
        lambda folder: (folder / "out").mkdir(),
        (*LINK[:-1], "out"),
    ),
    "writing_a_table_over_a_list": Broken(
        "police.csv: This file is part of the study", nothing, (*LINK[:-1], "police.csv")
    ),
    "protecting_a_list_over_itself": Broken(
        "raw.parquet: Another file is there and would be lost",
        lambda folder: pl.read_csv(folder / "police.csv").write_parquet(folder / "raw.parquet"),
        ("protect", "raw.parquet", "--key", "study.key", "--out", "raw.parquet"),
    ),
}  # fmt: skip


def darkfigure(capsys: pytest.CaptureFixture[str], *call: str) -> tuple[int, str, str]:
    """What the command line ends with and says; within this process, or it would take minutes."""
    before, sys.argv = sys.argv, ["darkfigure", *call]
    try:
        with pytest.raises(SystemExit) as ended:
            cli.main()
    finally:
        sys.argv = before
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two lists, as they are and protected, and one protected with another key."""
    from darkfigure.lists.keys import new_key, save_key
    from darkfigure.protecting import protect

    folder = tmp_path_factory.mktemp("good")
    (folder / "study.toml").write_text(STUDY)
    key = new_key()
    save_key(key, folder / "study.key")
    for name in ("police", "shelter"):
        (folder / f"{name}.csv").write_text(LIST)
        protect(folder / f"{name}.csv", key, folder / f"{name}.parquet")
    protect(folder / "shelter.csv", new_key(), folder / "other.parquet")
    return folder


@pytest.fixture
def home(good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it that a test may break."""
    folder = tmp_path / "study"
    shutil.copytree(good, folder)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.parent.rglob("*") if file.is_file())
    return {str(file): file.read_bytes() for file in files}


@pytest.mark.parametrize("kind", BROKEN)
def test_the_command_line_refuses(
    kind: str,
    home: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    broken = BROKEN[kind]
    broken.change(home)
    before = contents(home)
    code, out, err = darkfigure(capsys, *broken.call)
    complaints = [line for line in err.splitlines() if line.startswith("darkfigure: ")]
    assert broken.says in "\n".join(complaints)
    assert code == broken.code
    assert out == ""
    assert 1 <= len(complaints) <= 3
    assert all(line.endswith((".", "?")) for line in complaints)
    assert complaints == err.splitlines()[-len(complaints) :]  # before them, what was being done
    assert not any(value in err.lower() for value in CANARY)
    assert contents(home) == before


def test_the_study_is_good_before_it_is_broken(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = darkfigure(capsys, *LINK)
    assert code == 0, err
    assert (home / "table.csv").exists()
    code, out, _ = darkfigure(capsys, *PROTECT)
    assert (code, out) == (
        0, "24 of 24 rows are in made.parquet, and nobody can read them there.\n"
    )  # fmt: skip


def test_the_program_by_itself_ends_the_same_way(home: Path) -> None:
    police(LIST.replace("Anaa", '"Anaa', 1))(home)
    done = subprocess.run(
        [sys.executable, "-m", "darkfigure", *RUN], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    *_, complaint = done.stderr.splitlines()
    assert complaint.startswith("darkfigure: police.csv, line 3: A quotation mark here has no")


def test_everything_wrong_with_a_study_is_told_at_once(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "study.toml").write_text(
        f"{ABOUT}[link]\nsince = 2020-01-01\nuntil = 2010-01-01\ndraw = 5\n"
        '[records.police]\nfile = "plice.csv"\ndates = "day"\n[records.shelter]\nfile = 3\n'
    )
    code, _, err = darkfigure(capsys, *RUN)
    assert code == 2
    said = [line for line in err.splitlines() if line.startswith("darkfigure: ")]
    places = [line.split(": ")[1] for line in said]
    assert places == [f"study.toml, line {line}" for line in (11, 13, 8, 10)]
