"""A CSV file as lines of cells, or what is wrong with it as a sentence with its place."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from darkfigure.errors import InputError, Problem


def rows_of(file: str) -> Iterator[tuple[int, list[str]]]:
    """The number and the cells of each line that has any text, without blanks around them.

    Parameters
    ----------
    file : str
        UTF-8 text; commas, semicolons or tabs between the cells.

    Raises
    ------
    InputError
        If there is no such file, it cannot be read, is not UTF-8, or a quotation mark is open.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "rates.csv")
    ...     _ = file.write_text("place; rate\\n\\nNorth; 5.2\\n")
    ...     list(rows_of(str(file)))
    [(1, ['place', 'rate']), (3, ['North', '5.2'])]
    """
    try:
        text = Path(file).read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        message = "There is no such file; check the name and the folder."
        raise InputError(Problem(message, file=file)) from error
    except UnicodeDecodeError as error:
        message = "The file is not UTF-8 text; save it as CSV with the encoding UTF-8."
        raise InputError(Problem(message, file=file)) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "its name holds a null character"
        raise InputError(Problem(f"The file could not be read: {reason}.", file=file)) from error
    first = next((line for line in text.splitlines() if line.strip()), "")
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=max(",;\t", key=first.count),
        skipinitialspace=True,
        strict=True,
    )
    line = 1
    try:
        for cells in reader:
            if "".join(cells).strip():
                yield line, [cell.strip() for cell in cells]
            line = reader.line_num + 1
    except csv.Error as error:
        message = "A quotation mark here has no partner; mend this line or save the table again."
        raise InputError(Problem(message, file=file, line=line)) from error
