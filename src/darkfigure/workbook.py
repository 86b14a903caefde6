"""A workbook as text: what its cells would be in a CSV file.

The workbook is .xlsx, .xls, .xlsb or .ods; it is loaded whole. No cell is ever repeated in a
message, nor the name of a sheet.
"""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from darkfigure.errors import InputError, Problem

if TYPE_CHECKING:
    import polars as pl

_MIDNIGHT = r"^(\d{4}-\d{2}-\d{2})[ T]00:00:00(\.0+)?$"
_NO_DAY = r"^1899-12-31 (\d{2}:\d{2}:\d{2})"
_ERRORS = {
    "Div0": "#DIV/0!",
    "NA": "#N/A",
    "Name": "#NAME?",
    "Null": "#NULL!",
    "Num": "#NUM!",
    "Ref": "#REF!",
    "Value": "#VALUE!",
}
_LOCKED = 3
_MISSING = (
    "To read spreadsheets, first install what they need: pip install 'darkfigure[link]'. Or open "
    "this one and save it as CSV."
)
_PROTECTED = (
    "This spreadsheet is protected by a password; open it and save it without one, or as CSV."
)
_DAMAGED = (
    "This is a damaged spreadsheet, or an archive or a document of another kind; open it and save "
    "the table as CSV."
)


def filled_sheet(path: str | Path) -> tuple[pl.Series, pl.DataFrame]:
    """The rows of the one sheet that has data, the header among them.

    Parameters
    ----------
    path : str or Path
        The workbook. Whole numbers are read without a decimal point, dates as 2024-12-31, with the
        time of day where there is one, and formulas as their value or error; what is merged stands
        in the first of its cells.

    Returns
    -------
    tuple of Series and DataFrame
        The numbers of the rows as the spreadsheet shows them, and their cells as text. Blank rows
        are left out; a blank cell is "".

    Raises
    ------
    InputError
        If the workbook is damaged, protected by a password or empty, if several sheets have data,
        or if the packages that read workbooks are not installed.

    Examples
    --------
    >>> import datetime, tempfile
    >>> import polars as pl
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "list.xlsx")
    ...     people = pl.DataFrame({"id": [7.0], "born": [datetime.date(1990, 1, 31)]})
    ...     _ = people.write_excel(file)
    ...     numbers, cells = filled_sheet(file)
    >>> numbers.to_list(), cells.rows()
    ([1, 2], [('id', 'born'), ('7', '1990-01-31')])
    """
    filled = _filled(path)
    if not filled:
        raise _refusal(path, "The workbook is empty; a header row and some rows are needed.")
    if len(filled) > 1:
        *places, last = map(str, filled)
        raise _refusal(
            path,
            f"Sheets {', '.join(places)} and {last} of this workbook all have data (hidden sheets "
            "count too), and only one can be read; delete the others, or save the one that is "
            "meant as CSV.",
        )
    (cells,) = filled.values()
    return cells.get_column("row"), cells.drop("row")


def _filled(path: str | Path) -> dict[int, pl.DataFrame]:
    """The rows with any text of each sheet that has some, by the sheet's place, counted from 1.

    They are read in a process of their own: damage that nobody foresaw can end it, and what the
    reader then has to say may have cells in it.
    """
    if not all(map(find_spec, ("fastexcel", "pyarrow"))):
        raise _refusal(path, _MISSING)
    if "EncryptedPackage".encode("utf-16-le") in Path(path).read_bytes():
        raise _refusal(path, _PROTECTED)
    places = [*filter(None, sys.path), str(Path(__file__).parents[2])]
    child = subprocess.run(
        [sys.executable, "-P", "-m", __name__, str(path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    if child.returncode:
        raise _refusal(path, _PROTECTED if child.returncode == _LOCKED else _DAMAGED)
    return pickle.loads(child.stdout)  # type: ignore[no-any-return]


def _read(path: str) -> dict[int, pl.DataFrame]:
    import fastexcel
    import polars as pl

    filled = {}
    workbook = fastexcel.read_excel(Path(path).read_bytes())
    for place in range(len(workbook.sheet_names)):
        sheet = workbook.load_sheet(place, header_row=None, skip_rows=0, dtypes="string")
        if not sheet.width:
            continue
        batch, unread = sheet.to_arrow_with_errors()
        cells = pl.DataFrame(pl.from_arrow(batch))
        mended: defaultdict[int, dict[int, str]] = defaultdict(dict)
        for error in unread.errors if unread else ():
            row, column = error.position
            mended[column][row] = _as_in_csv(error.detail)
        for column, texts in mended.items():
            series = cells.to_series(column).scatter([*texts], [*texts.values()])
            cells.replace_column(column, series)
        cells = cells.select(
            pl.all().fill_null("").str.replace(_NO_DAY, "$1").str.replace(_MIDNIGHT, "$1")
        )
        some = cells.select(pl.any_horizontal(pl.all().str.strip_chars() != "")).to_series()
        if some.any():
            filled[place + 1] = cells.with_row_index("row", 1).filter(some)
    return filled


def _locked(path: str) -> bool:
    """Whether a password keeps a workbook shut; the reader tells only who goes by the name."""
    import fastexcel

    try:
        fastexcel.read_excel(path)
    except fastexcel.FastExcelError as error:
        return "password" in str(error).lower()
    return False


def _as_in_csv(detail: str) -> str:
    """A cell that is neither text, number nor date, from what the reader says of it."""
    if time := re.search(r'DurationIso\("PT(\d+)H(\d+)M(\d+)', detail):
        return ":".join(part.zfill(2) for part in time.groups())
    error = re.search(r"Error\((\w+)\)", detail)
    return _ERRORS.get(error[1], "#ERROR!") if error else "#ERROR!"


def _refusal(path: str | Path, message: str) -> InputError:
    return InputError(Problem(message, file=str(path)))


if __name__ == "__main__":
    try:
        content = pickle.dumps(_read(sys.argv[1]))
    except Exception:
        sys.exit(_LOCKED if _locked(sys.argv[1]) else 1)
    sys.stdout.buffer.write(content)
