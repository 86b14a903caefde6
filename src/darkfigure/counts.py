"""Where a study's counts come from: a table, or the records of several lists, linked first.

Whichever it is, `source` gives the counts, what made them, and what may be shown of them.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from darkfigure import __version__, engine, tables
from darkfigure.errors import DarkfigureError, InputError, Problem
from darkfigure.histories import CaptureHistories
from darkfigure.strata import Strata
from darkfigure.study import List, Study

if TYPE_CHECKING:
    from darkfigure.disclosure import Overlaps
    from darkfigure.lists.fields import Mapped
    from darkfigure.lists.link import Links
    from darkfigure.lists.protected import Protected
    from darkfigure.lists.records import Records
    from darkfigure.lists.sealed import Sealed

SEALED = "links.sealed"

Say = Callable[[str], None]
Rows = list[list[Any]]


class Source(Protocol):
    """Where the counts come from."""

    source: str
    hash: str

    @property
    def needs(self) -> Mapping[str, Any]:
        """What the counts are made from, for the keys of the steps."""

    @property
    def histories(self) -> CaptureHistories: ...
    @property
    def strata(self) -> Strata | None:
        """The same people by kind, where the study asks for it."""

    @property
    def shown(self) -> Overlaps:
        """What may be shown of them."""

    @property
    def about(self) -> dict[str, Any] | None:
        """How they were linked, if they were."""

    def files(self) -> Mapping[str, Callable[[], str]]:
        """What is written about them, for the coalition."""

    def __enter__(self) -> Source: ...

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None: ...


def source(study: Study, path: Path, folder: Path, where: engine.Where, say: Say) -> Source:
    """The source that a study names; records are linked only when a step needs the counts."""
    if study.records:
        return Linked(study, path, folder, where, say)
    return Table(study, path)


class Table:
    """Counts as they stand in a table."""

    about: dict[str, Any] | None = None

    def __init__(self, study: Study, path: Path) -> None:
        self.histories, self.strata, self.source, self.hash = _read(study, path)
        self.shown = _publishable(study, self.histories, path)
        counts = self.strata or self.histories
        self.needs = {"counts": counts.fingerprint, "notes": list(self.histories.notes)}

    def files(self) -> Mapping[str, Callable[[], str]]:
        return {}

    def __enter__(self) -> Table:
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        """Nothing is left behind."""


class Linked:
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
            "year": datetime.now(UTC).year,  # by which dates of two digits are told
        }
        self.hash = hashlib.sha256(json.dumps(hashes).encode()).hexdigest()
        self.source = ", ".join(Path(each.file).name for each in study.records.values())
        self.folder = folder

    @cached_property
    def _lists(self) -> list[Records] | list[Protected]:
        """The agencies' lists: all as they are, or all protected."""
        from darkfigure.lists.protected import Protected, is_protected, read_protected
        from darkfigure.lists.records import Records, read_records

        def read(short: str) -> Records | Protected:
            each, name = self.study.records[short], self.study.list_names[short]
            file = self.path.parent / each.file
            if is_protected(file):
                return replace(read_protected(file), name=name)
            return read_records(file, name, mapped(self.study, each))

        # Told here and not as each is read: what several threads say at once runs together.
        self.say(f"Reading {', '.join(each.file for each in self.study.records.values())}.")
        lists = list(engine.run(read, list(self.study.records)))
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
            try:
                if self._sealed:
                    self._sealed.save(links)
            except OSError as error:
                self.say(f"The links cannot be kept for the case of an interrupt: {error}.")
        return links

    @cached_property
    def _sealed(self) -> Sealed | None:
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
    def strata(self) -> Strata | None:
        from darkfigure.lists.overlap import overlaps_by

        by = self.study.method.by
        if not by:
            return None
        frames = [each.frame for each in self._lists]
        for name in by:
            if not any(f"stratum_{name}" in frame.columns for frame in frames):
                told = f"No list says '{name}'; name its column in [records.NAME.strata]."
                raise InputError(problem_at(told, self.path, "[method]"))
        values = [
            [
                value
                for frame in frames
                for value in (
                    frame[f"stratum_{name}"].to_list()
                    if f"stratum_{name}" in frame.columns
                    else [None] * frame.height
                )
            ]
            for name in by
        ]
        self.say(f"Drawing who is who by {', '.join(by)}.")
        options = {"draws": self.study.link.draws, "seed": self.study.link.seed}
        try:
            return overlaps_by(self._links, by, values, **options)
        except InputError as error:
            raise InputError(problem_at(str(error), self.path, "[method]")) from None

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
                told = {"used": each.frame.height, "filled": {}, "notes": ()}
            lists.append({"list": each.name, **told})
        return {
            "hide": self.shown.rounded,
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
        rows: Rows = [["file", "line", "column", "what is wrong"]]
        for each in told(plain):
            where = [Path(each.file or "").name, each.line or "", each.column or ""]
            rows.append([*where, each.message])
        return as_csv(rows, self.study)

    def __enter__(self) -> Linked:
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


def _read(study: Study, path: Path) -> tuple[CaptureHistories, Strata | None, str, str]:
    """The counts, the same by kind of people where the study asks for it, what to call their
    source, and the hash of the file they came from."""
    from darkfigure.lists.overlap_table import read_kinds, read_overlap_table

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
    by, kinds = study.method.by, None
    if by:
        kinds = read_kinds(file, by=by, lists=names or None, count=data.count)
        histories = kinds.whole
    elif strata or data.table is None or study.lists:
        histories = read_overlap_table(file, lists=names or None, count=data.count)
        if data.table is not None and table.note:
            histories = CaptureHistories(histories.lists, histories.counts, [table.note])
    else:
        histories = tables.load(data.table, plain_names=True)
    return histories, kinds, source, _hash_of_file(file)


def mapped(study: Study, each: List) -> Mapped:
    from darkfigure.lists.fields import Mapped

    since, until = str(study.link.since or ""), str(study.link.until or "")
    return Mapped(each.columns, each.strata, each.dates, since, until)


def _publishable(study: Study, histories: CaptureHistories, path: Path) -> Overlaps:
    """What may be shown of the counts; settings that only they can show to be wrong are refused
    here, before anything long begins."""
    from darkfigure.disclosure import publishable_overlaps
    from darkfigure.size.methods import method
    from darkfigure.size.space import Space

    problems = []
    chosen, lists = method(study.method.name), len(histories.lists)
    if not chosen.takes(lists):
        few, most = chosen.least_lists, chosen.most_lists
        reach = f"up to {most}" if lists > most else f"at least {few}"
        told = f"The method '{study.method.name}' takes {reach} lists, not {lists}."
        problems.append(problem_at(told, path, "[method]"))
    if study.method.name in ("bic", "averaged"):
        try:
            Space(len(histories.lists), study.method.max_order)
        except InputError as error:
            problems.append(problem_at(str(error), path, "[method]"))
    try:
        shown = publishable_overlaps(histories, study.smallest_count)
    except InputError as error:
        problems.append(problem_at(str(error), path, "[disclosure]"))
    if problems:
        raise InputError(problems)
    return shown


def problem_at(message: str, path: Path, section: str) -> Problem:
    """A problem with its line: that of the section's head, or the first."""
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    line = next((i for i, text in enumerate(lines, 1) if text.strip().startswith(section)), 1)
    return Problem(message, str(path), line)


def as_csv(rows: Rows, study: Study) -> str:
    """Rows, the header first, as CSV text; made-up data say so on every line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for i, row in enumerate(rows):
        writer.writerow([*row, "made up" if i else "SYNTHETIC"] if study.synthetic else row)
    return text.getvalue()
