"""The way the data takes, step by step: read or link, estimate, hold against alternatives, write.

Counts come from a table, or from agencies' raw or protected lists, whose records are linked first.
Nothing else knows the order. What has not changed is not done again; see `steps`.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from darkfigure import __version__, engine, tables
from darkfigure.errors import DarkfigureError, InputError, Problem
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.steps import Steps, write
from darkfigure.study import List, Study
from darkfigure.study import load as load_study

if TYPE_CHECKING:
    from darkfigure.disclosure import Overlaps
    from darkfigure.lists.keys import Key
    from darkfigure.lists.link import Links
    from darkfigure.lists.protected import Protected
    from darkfigure.lists.records import Mapped, Quality, Records

SEALED = "links.sealed"

Say = Callable[[str], None]
Rows = list[list[Any]]


@dataclass(frozen=True)
class Outcome:
    """What a run came to.

    Attributes
    ----------
    study, estimate
        What was asked and answered.
    folder : Path
        Where the files are.
    skipped : tuple of str
        The steps whose inputs had not changed.
    """

    study: Study
    estimate: Estimate
    folder: Path
    skipped: tuple[str, ...]


def run(
    path: str | Path,
    out: str | Path | None = None,
    *,
    where: engine.Where = "local",
    workers: int | None = None,
    progress: engine.Progress | None = None,
    say: Say = lambda text: None,
) -> Outcome:
    """Run a study from its lists to its page.

    Parameters
    ----------
    path : str or Path
        The `study.toml`.
    out : str or Path, optional
        The folder to write to; `out/` and the name of the study's folder when left out.
    where : {'local', 'spark'}
        The engine that compares records; the numbers are the same on each.
    workers : int, optional
        Cores to use.
    progress : callable, optional
        Told how far the replicates are.
    say : callable, optional
        Told what is being done.

    Raises
    ------
    InputError
        If the study or its data are wrong, or the folder cannot be written to.
    NoEstimateError
        If the data cannot answer.
    """
    path = Path(path)
    study = load_study(path)
    _check_method(study, path)
    folder = Path(out) if out is not None else Path("out") / (path.resolve().parent.name or "study")
    with _source(study, path, folder, where, say) as counts:
        return _steps(study, path, counts, folder, workers, progress, say)


def _steps(
    study: Study,
    path: Path,
    counts: _Source,
    folder: Path,
    workers: int | None,
    progress: engine.Progress | None,
    say: Say,
) -> Outcome:
    steps = Steps(folder)
    needs = {**counts.needs, "synthetic": study.synthetic}
    about_study = study.model_dump(mode="json", by_alias=True)
    for name, make in counts.files().items():
        steps.text(name, needs=needs, make=make)

    settings = study.method.model_dump(exclude_none=True)
    say(f"Estimating by the method {study.method.name}.")
    estimate = Estimate.from_json(
        steps.text(
            "estimate.json",
            needs={**needs, "method": settings},
            make=lambda: _estimate(
                study, counts.histories, workers, progress, steps.unfinished(needs, settings)
            ).to_json(),
        )
    )
    say("Holding it against other models that can be defended.")
    others = [
        Estimate.from_json(json.dumps(each))
        for each in json.loads(
            steps.text(
                "alternatives.json",
                needs={**needs, "method": settings},
                make=lambda: json.dumps(_alternatives(study, counts.histories), ensure_ascii=False),
            )
        )
    ]
    say("Writing the page.")
    needs |= {"estimate": steps.hash_made("estimate.json"), "study": about_study}
    for name, table in PUBLISHED.items():
        steps.text(
            f"tables/{name}.csv",
            needs=needs,
            make=partial(_published, table, study, counts, estimate, others),
        )
    provenance: dict[str, Any] = {
        "version": __version__,
        "command": f"darkfigure run {path.name}",
        "input_hash": counts.hash,
        "source": counts.source,
    }
    steps.text(
        "report.html",
        needs={
            **needs,
            "alternatives": steps.hash_made("alternatives.json"),
            "provenance": provenance,
        },
        make=lambda: _page(study, counts, estimate, others, provenance),
    )
    made_by = {**provenance, "settings": settings, "seed": study.method.seed}
    steps.finish({"SYNTHETIC": "made up", **made_by} if study.synthetic else made_by)
    return Outcome(study, estimate, folder, tuple(steps.skipped))


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
        `records`, `lists`, `observed` (people in the most probable counts), `observed_draws` (the
        least and the most over the draws), `draws`, `seed`, `levels`, `rules`, `warnings`.

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
    counts = _Linked(study, path, None, where, say)
    try:
        header = [*counts.histories.lists, "count"]
        rows = safe_rows(counts.shown, counts.histories.lists)
        table: Rows = [header, *([row[name] for name in header] for row in rows)]
        write(Path(out), _csv(table, study).encode())
    except OSError as error:
        raise InputError(Problem(f"It cannot be written: {error.strerror}.", str(out))) from None
    seen = [draw.observed for draw in counts.histories.each_draw()]
    return {
        "records": counts.about["records"],
        "lists": list(counts.histories.lists),
        "observed": counts.histories.observed,
        "observed_draws": [min(seen), max(seen)],
        "draws": len(seen),
        "seed": study.link.seed,
        "levels": counts.about["levels"],
        "rules": counts.about["rules"],
        "warnings": list(counts.histories.notes),
    }


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
    from darkfigure.lists.protect import protect as encode
    from darkfigure.lists.protected import is_protected, write_protected
    from darkfigure.lists.records import Mapped, read_records

    out = Path(out)
    if out.suffix != ".parquet":
        raise InputError(Problem("A protected list is a Parquet file: FILE.parquet.", str(out)))
    if is_protected(file):
        raise InputError(Problem("This list is protected already.", str(file)))
    smallest, mapped, called = 5, Mapped(), name or Path(file).stem
    if study is not None:
        planned = load_study(study, protecting=True)
        short = name or next(
            (k for k, each in planned.records.items() if Path(each.file).stem == Path(file).stem),
            "",
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
        mapped = _mapped(planned, planned.records[short])
    records = read_records(file, called, mapped)
    protected = encode(records.frame, key, name=called, smallest_count=smallest)
    write_protected(protected, out)
    return records.quality


def _mapped(study: Study, each: List) -> Mapped:
    from darkfigure.lists.records import Mapped

    since, until = str(study.link.since or ""), str(study.link.until or "")
    return Mapped(each.columns, each.strata, each.dates, since, until)


def table_of(problems: Iterable[Problem]) -> Rows:
    """Where something is wrong and what, never what stands there."""
    rows = [[Path(p.file or "").name, p.line or "", p.column or "", p.message] for p in problems]
    return [["file", "line", "column", "what is wrong"], *rows]


class _Source(Protocol):
    """Where the counts come from."""

    source: str
    hash: str

    @property
    def needs(self) -> Mapping[str, Any]:
        """What the counts are made from, for the keys of the steps."""

    @property
    def histories(self) -> CaptureHistories: ...
    @property
    def shown(self) -> Overlaps:
        """What may be shown of them."""

    @property
    def about(self) -> dict[str, Any] | None:
        """How they were linked, if they were."""

    def files(self) -> Mapping[str, Callable[[], str]]:
        """What is written about them, for the coalition."""

    def __enter__(self) -> _Source: ...

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None: ...


def _source(study: Study, path: Path, folder: Path, where: engine.Where, say: Say) -> _Source:
    if study.records:
        return _Linked(study, path, folder, where, say)
    return _Table(study, path)


class _Table:
    """Counts as they stand in a table."""

    about: dict[str, Any] | None = None

    def __init__(self, study: Study, path: Path) -> None:
        self.histories, self.source, self.hash = _read(study, path)
        self.shown = _publishable(study, self.histories, path)
        self.needs = {"counts": self.histories.fingerprint, "notes": list(self.histories.notes)}

    def files(self) -> Mapping[str, Callable[[], str]]:
        return {}

    def __enter__(self) -> _Table:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        """Nothing is left behind."""


class _Linked:
    """Counts from the records of several lists, linked only when a step needs them."""

    def __init__(
        self, study: Study, path: Path, folder: Path | None, where: engine.Where, say: Say
    ) -> None:
        self.study, self.path, self.where, self.say = study, path, where, say
        hashes = [_hash_of_file(path.parent / each.file) for each in study.records.values()]
        self.needs = {
            "files": hashes,
            "records": {k: v.model_dump(mode="json") for k, v in study.records.items()},
            "link": study.link.model_dump(mode="json", exclude={"keep"}),
        }
        self.hash = hashlib.sha256(json.dumps(hashes).encode()).hexdigest()
        self.source = ", ".join(Path(each.file).name for each in study.records.values())
        self.folder = folder

    @cached_property
    def _lists(self) -> list[Records] | list[Protected]:
        """The agencies' lists: all as they are, or all protected."""
        from darkfigure.lists.protected import Protected, is_protected, read_protected
        from darkfigure.lists.records import Records, read_records

        lists: list[Any] = []
        for short, each in self.study.records.items():
            self.say(f"Reading {each.file}.")
            file, name = self.path.parent / each.file, self.study.list_names[short]
            if is_protected(file):
                lists.append(replace(read_protected(file), name=name))
                continue
            lists.append(read_records(file, name, _mapped(self.study, each)))
        protected = [each for each in lists if isinstance(each, Protected)]
        plain = [each for each in lists if isinstance(each, Records)]
        if protected and plain:
            raise InputError(
                Problem(
                    f"'{protected[0].name}' is protected and '{plain[0].name}' is not; they cannot "
                    "be compared. Protect every list with the same key, or none.",
                    str(self.path),
                )
            )
        return protected or plain

    @cached_property
    def _links(self) -> Links:
        from darkfigure.lists import link
        from darkfigure.lists.protected import Protected
        from darkfigure.lists.records import Records

        lists, seed = self._lists, self.study.link.seed
        protected = [each for each in lists if isinstance(each, Protected)]
        plain = [each for each in lists if isinstance(each, Records)]
        links: Links | None = self._sealed.load() if self._sealed else None
        if links is None:
            if protected:
                links = link.link_protected(protected, where=self.where, seed=seed, watch=self.say)
            else:
                links = link.link(plain, where=self.where, seed=seed, watch=self.say)
            if self._sealed:
                self._sealed.save(links)
        return links

    @cached_property
    def _sealed(self) -> Any:
        from darkfigure.lists.sealed import Sealed

        key = json.dumps([__version__, self.needs], sort_keys=True)
        return Sealed(self.folder / SEALED, key) if self.folder else None

    @cached_property
    def histories(self) -> CaptureHistories:
        from darkfigure.lists.overlap import overlaps

        links = self._links
        self.say(f"Drawing who is who, {self.study.link.draws} times.")
        return overlaps(links, draws=self.study.link.draws, seed=self.study.link.seed)

    @cached_property
    def shown(self) -> Overlaps:
        return _publishable(self.study, self.histories, self.path)

    @cached_property
    def about(self) -> dict[str, Any]:
        from darkfigure.lists.records import Records

        links, lists = self._links, []
        for each in self._lists:
            if isinstance(each, Records):
                told = asdict(each.quality) | {"problems": len(each.quality.problems)}
            else:
                told = {"used": each.frame.height, "filled": {}}
            lists.append({"list": each.name, **told})
        return {
            "records": len(links.on),
            "protected": not isinstance(self._lists[0], Records),
            "pairs": len(links.left),
            "levels": links.levels,
            "rules": links.rules,
            "lists": lists,
        }

    def files(self) -> Mapping[str, Callable[[], str]]:
        def about() -> str:
            _ = self.shown  # refuses what cannot be published before anything long begins
            return json.dumps(self.about, ensure_ascii=False, indent=1)

        return {"linkage.json": about, "rows_to_mend.csv": self._rows_to_mend}

    def _rows_to_mend(self) -> str:
        from darkfigure.lists.records import Records, told

        plain = [each for each in self._lists if isinstance(each, Records)]
        return _csv(table_of(told(plain)), self.study)

    def __enter__(self) -> _Linked:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        """Remove the links, unless they are to be kept or an interrupted run is to go on."""
        over = kind is None or issubclass(kind, DarkfigureError)
        if self._sealed and over and not self.study.link.keep:
            self._sealed.remove()


def _hash_of_file(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise InputError(Problem(f"It cannot be read: {error.strerror}.", str(file))) from None


def _read(study: Study, path: Path) -> tuple[CaptureHistories, str, str]:
    """The counts, what to call their source, and the hash of the file they came from."""
    from darkfigure.lists.overlap_table import read_overlap_table

    data = study.data
    assert data is not None
    if data.table is not None:
        table = tables.describe(data.table)
        file, source = tables.path(data.table), f"{table.name}: {table.citation}"
        names = study.lists or table.lists
        strata = table.strata
    else:
        assert data.file is not None
        file, source = path.parent / data.file, Path(data.file).name
        names, strata = study.lists, ()
    if strata or data.table is None or study.lists:
        histories = read_overlap_table(file, lists=names or None, count=data.count)
        if data.table is not None and table.note:
            histories = CaptureHistories(histories.lists, histories.counts, [table.note])
    else:
        histories = tables.load(data.table, plain_names=True)
    return histories, source, _hash_of_file(file)


def _check_method(study: Study, path: Path) -> None:
    from darkfigure.size.methods import method

    try:
        known = method(study.method.name)
    except InputError as error:
        raise InputError(_problem(str(error), path, "[method]")) from None
    problems = [
        _problem(f"The method '{study.method.name}' has no setting '{option}'.", path, "[method]")
        for option in ("bootstrap", "draws", "weights", "max_order", "threshold")
        if getattr(study.method, option) is not None and option not in known.options
    ]
    if study.method.bootstrap and study.method.bootstrap < 20:
        few = f"{study.method.bootstrap} replicates are too few for an interval; take 200 or more, "
        problems.append(_problem(few + "or 0 for none.", path, "[method]"))
    if problems:
        raise InputError(problems)


def _publishable(study: Study, histories: CaptureHistories, path: Path) -> Overlaps:
    """What may be shown of the counts; settings that only they can show to be wrong are refused
    here, before anything long begins."""
    from darkfigure.disclosure import publishable_overlaps
    from darkfigure.size.space import Space

    problems = []
    if study.method.name in ("bic", "averaged"):
        try:
            Space(len(histories.lists), study.method.max_order)
        except InputError as error:
            problems.append(_problem(str(error), path, "[method]"))
    try:
        shown = publishable_overlaps(histories, study.smallest_count)
    except InputError as error:
        problems.append(_problem(str(error), path, "[disclosure]"))
    if problems:
        raise InputError(problems)
    return shown


def _problem(message: str, path: Path, section: str) -> Problem:
    """A problem with its line: that of the section's head, or the first."""
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    line = next((i for i, text in enumerate(lines, 1) if text.strip().startswith(section)), 1)
    return Problem(message, str(path), line)


def _estimate(
    study: Study,
    histories: CaptureHistories,
    workers: int | None,
    progress: engine.Progress | None,
    resume: Path,
) -> Estimate:
    from darkfigure.size.methods import method

    options = study.method.model_dump(exclude_none=True)
    chosen = method(options.pop("name"))
    if "resume" in chosen.options:
        options["resume"] = resume
    estimate = chosen.estimate(histories, **options, workers=workers, progress=progress)
    if not study.synthetic:
        return estimate
    return replace(estimate, settings={**estimate.settings, "synthetic": True})


def _alternatives(study: Study, histories: CaptureHistories) -> list[dict[str, Any]]:
    from darkfigure.size import alternatives

    found = alternatives(
        histories,
        study.method.name,
        level=study.method.level,
        options=study.method.model_dump(exclude_none=True),
    )
    return [each.to_dict() for each in found]


def _page(
    study: Study,
    counts: _Source,
    estimate: Estimate,
    others: list[Estimate],
    provenance: Mapping[str, Any],
) -> str:
    from darkfigure.report.page import page

    histories = counts.histories.settled
    return page(study, histories, estimate, others, provenance, linkage=counts.about)


def _overlaps_table(counts: _Source, estimate: Estimate, others: list[Estimate]) -> Rows:
    rows = [[" + ".join(names), count] for names, count in counts.shown.rows]
    if counts.shown.others is not None:
        rows.append(["all other combinations together", counts.shown.others])
    return [["on exactly these lists", "people"], *rows]


def _sizes_table(counts: _Source, estimate: Estimate, others: list[Estimate]) -> Rows:
    head = "people, at least" if counts.shown.rounded else "people"
    return [["list", head], *([name, size] for name, size in counts.shown.list_sizes.items())]


def _estimates_table(counts: _Source, estimate: Estimate, others: list[Estimate]) -> Rows:
    from darkfigure.disclosure import publishable_estimate

    every = [estimate, *others]
    if counts.shown.rounded:
        every = [publishable_estimate(each) for each in every]
    head = ["what", "method", "model", "total", "lower", "upper", "level"]
    return [head, *([e.details.get("label", "this study"), *_row(e)] for e in every)]


PUBLISHED: Mapping[str, Callable[[_Source, Estimate, list[Estimate]], Rows]] = {
    "overlaps": _overlaps_table,
    "list_sizes": _sizes_table,
    "estimates": _estimates_table,
}
"""The tables that may leave the coalition; small counts are held back."""


def _row(estimate: Estimate) -> list[Any]:
    return [
        estimate.method,
        estimate.details.get("model", ""),
        round(estimate.total),
        round(estimate.lower),
        "" if estimate.upper == float("inf") else round(estimate.upper),
        estimate.level,
    ]


def _published(
    table: Callable[[_Source, Estimate, list[Estimate]], Rows],
    study: Study,
    counts: _Source,
    estimate: Estimate,
    others: list[Estimate],
) -> str:
    return _csv(table(counts, estimate, others), study)


def _csv(rows: Rows, study: Study) -> str:
    """Rows, the header first, as CSV text; made-up data say so on every line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for i, row in enumerate(rows):
        writer.writerow([*row, "made up" if i else "SYNTHETIC"] if study.synthetic else row)
    return text.getvalue()
