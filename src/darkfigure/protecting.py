"""Inside an agency: from its own list to one that can be compared and not be read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from darkfigure.counts import mapped
from darkfigure.errors import InputError, Problem
from darkfigure.study import load as load_study

if TYPE_CHECKING:
    from darkfigure.lists.keys import Key
    from darkfigure.lists.records import Quality


def protect(
    file: str | Path, key: Key, out: str | Path, *, study: str | Path | None = None, name: str = ""
) -> Quality:
    """Inside an agency: read its list, and write it protected.

    Parameters
    ----------
    file : str or Path
        The agency's own list.
    key : Key
        The study's key, which only agencies have.
    out : str or Path
        The protected list to write, a Parquet file.
    study : str or Path, optional
        The `study.toml`, for the columns, dates, strata and time of this list. Without it, columns
        are known by their headers, and there are no strata.
    name : str
        The list's short name in the study; that of the file if left out.

    Returns
    -------
    Quality
        What the list is like, for the agency alone.

    Raises
    ------
    InputError
        If the list, the study or the name is wrong, or the file cannot be written.
    """
    from darkfigure.lists.fields import Mapped
    from darkfigure.lists.protect import protect as encode
    from darkfigure.lists.protected import is_protected, write_protected
    from darkfigure.lists.records import read_records

    out = Path(out)
    if out.suffix != ".parquet":
        raise InputError(Problem("A protected list is a Parquet file: FILE.parquet.", str(out)))
    if is_protected(file):
        raise InputError(Problem("This list is protected already.", str(file)))
    if out.exists() and not is_protected(out):
        raise InputError(
            Problem("Another file is there and would be lost; write elsewhere.", str(out))
        )
    smallest, where, called = 5, Mapped(), name or Path(file).stem
    if study is not None:
        planned = load_study(study, protecting=True)
        stem = Path(file).stem
        fitting = [k for k, each in planned.records.items() if Path(each.file).stem == stem]
        short = name or (fitting[0] if len(fitting) == 1 else "")
        if len(fitting) > 1 and not name:
            raise InputError(
                Problem(
                    "Several lists of the study have a file of this name; say which it is by "
                    f"--name: {', '.join(fitting)}.",
                    str(study),
                )
            )
        if short not in planned.records:
            known = ", ".join(planned.records) or "none"
            raise InputError(
                Problem(
                    f"The study has no list '{called}'; say which it is by --name: {known}.",
                    str(study),
                )
            )
        smallest, called = planned.smallest_count, short
        where = mapped(planned, planned.records[short])
    records = read_records(file, called, where)
    protected = encode(records.frame, key, name=called, smallest_count=smallest)
    write_protected(protected, out)
    return records.quality
