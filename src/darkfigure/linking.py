"""Only linking: from a study's raw lists to the table of how they overlap."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from darkfigure import engine
from darkfigure.counts import Linked, Rows, Say, as_csv
from darkfigure.errors import InputError, Problem
from darkfigure.steps import write
from darkfigure.study import Study
from darkfigure.study import load as load_study


def link(
    path: str | Path,
    out: str | Path,
    *,
    where: engine.Where = "local",
    say: Say = lambda text: None,
) -> dict[str, Any]:
    """Only link a study's records, and write how many people are on which lists.

    Small counts are held back in the table, as everywhere outside the estimators.

    Parameters
    ----------
    path, where, say
        As for `run`.
    out : str or Path
        The CSV file to write.

    Returns
    -------
    dict
        `lists`, `observed` (people in the most probable counts), `draws`, `seed`, `rules` by which
        records were looked up, and `warnings`; where no count is held back also `records`,
        `observed_draws` (the least and the most over the draws), `levels` and `pairs`.

    Raises
    ------
    InputError
        If the study or its lists are wrong, or it has no lists to link.
    NoEstimateError
        If the lists have nothing in common by which people could be recognised.
    """
    from darkfigure.disclosure import safe_rows

    path = Path(path)
    study = load_study(path)
    if not study.records:
        raise InputError(
            Problem("This study has no raw lists to link, no [records.NAME].", str(path))
        )
    out = _free_for_output(out, study, path)
    counts = Linked(study, path, None, where, say)
    histories, about = counts.histories, counts.about
    header = [*histories.lists, "count"]
    rows = safe_rows(counts.shown, histories.lists)
    table: Rows = [header, *([row[name] for name in header] for row in rows)]
    try:
        write(out, as_csv(table, study).encode())
    except OSError as error:
        raise InputError(Problem(f"It cannot be written: {error.strerror}.", str(out))) from None
    told: dict[str, Any] = {
        "lists": list(histories.lists),
        "observed": histories.observed,
        "draws": study.link.draws,
        "seed": study.link.seed,
        "rules": [rule["words"] for rule in about["rules"] if rule["used"]],
        "warnings": [f"{each['list']}: {n}" for each in about["lists"] for n in each["notes"]],
    }
    if not counts.shown.rounded:  # else each of these numbers helps to work out hidden counts
        seen = [draw.observed for draw in histories.each_draw()]
        told |= {
            "records": about["records"],
            "observed_draws": [min(seen), max(seen)],
            "levels": about["levels"],
            "pairs": {rule["words"]: rule["pairs"] for rule in about["rules"]},
        }
    return told


def _free_for_output(out: str | Path, study: Study, path: Path) -> Path:
    """Where to write, unless that is what is read from, or cannot be a file."""
    out = Path(out)
    read = [path, *(path.parent / each.file for each in study.records.values())]
    if any(out.resolve() == each.resolve() for each in read):
        raise InputError(
            Problem("This file is part of the study and would be lost; write elsewhere.", str(out))
        )
    if out.is_dir():
        raise InputError(Problem("This is a folder; name the file to write in it.", str(out)))
    if out.parent.exists() and not out.parent.is_dir():
        raise InputError(
            Problem("This is a file and not a folder; write elsewhere.", str(out.parent))
        )
    return out
