"""The way the data takes, step by step: read, estimate, hold against alternatives, write the page.

Each step declares what it needs; its key is a hash of all that and of the version. A step whose
key is known and whose file is whole is skipped. Everything is written aside, in `.unfinished`
inside the output folder, and moved into place at the end, the record of what made it last.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from darkfigure import __version__, engine, tables
from darkfigure.errors import InputError, Problem
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.lists.overlap_table import read_overlap_table
from darkfigure.study import Study
from darkfigure.study import load as load_study

if TYPE_CHECKING:
    from darkfigure.report.disclosure import Overlaps

RECORD = "made.json"
ASIDE = ".unfinished"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """What a run came to.

    Attributes
    ----------
    study, histories, estimate
        What was asked, read and answered.
    folder : Path
        Where the files are.
    skipped : tuple of str
        The steps whose inputs had not changed.
    """

    study: Study
    histories: CaptureHistories
    estimate: Estimate
    folder: Path
    skipped: tuple[str, ...]


def run(
    path: str | Path,
    out: str | Path | None = None,
    *,
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
    histories, source, input_hash = _read(study, path)
    folder = Path(out) if out is not None else Path("out") / (path.resolve().parent.name or "study")
    shown = _publishable(study, histories, path)
    steps = _Steps(folder)

    settings = study.method.model_dump(exclude_none=True)
    about_counts = {"counts": histories.fingerprint, "notes": list(histories.notes)}
    say(f"Estimating by the method {study.method.name}.")
    estimate = Estimate.from_json(
        steps.text(
            "estimate.json",
            needs={**about_counts, "method": settings},
            make=lambda: _estimate(
                study, histories, workers, progress, steps.unfinished(about_counts, settings)
            ).to_json(),
        )
    )
    say("Holding it against other models that can be defended.")
    others = [
        Estimate.from_json(json.dumps(each))
        for each in json.loads(
            steps.text(
                "alternatives.json",
                needs={**about_counts, "method": settings},
                make=lambda: json.dumps(_alternatives(study, histories), ensure_ascii=False),
            )
        )
    ]
    say("Writing the page.")
    needs = {**about_counts, "estimate": steps.hash_of("estimate.json")}
    for name, make in _published_tables(shown, estimate, others).items():
        steps.text(f"tables/{name}.csv", needs={**needs, "study": _settings_of(study)}, make=make)
    provenance = {
        "version": __version__,
        "command": f"darkfigure run {path.name}",
        "input_hash": input_hash,
        "source": source,
    }
    steps.text(
        "report.html",
        needs={
            **needs,
            "alternatives": steps.hash_of("alternatives.json"),
            "study": _settings_of(study),
            "provenance": provenance,
        },
        make=lambda: _page(study, histories, estimate, others, provenance),
    )
    steps.finish({**provenance, "settings": settings, "seed": study.method.seed})
    return Outcome(study, histories, estimate, folder, tuple(steps.skipped))


def _read(study: Study, path: Path) -> tuple[CaptureHistories, str, str]:
    """The counts, what to call their source, and the hash of the file they came from."""
    if study.data.table is not None:
        table = tables.describe(study.data.table)
        file, source = tables.path(study.data.table), f"{table.name}: {table.citation}"
        names = study.lists or table.lists
        strata = table.strata
    else:
        assert study.data.file is not None
        file, source = path.parent / study.data.file, Path(study.data.file).name
        names, strata = study.lists, ()
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256")
    if strata or study.data.table is None or study.lists:
        histories = read_overlap_table(file, lists=names or None, count=study.data.count)
        if study.data.table is not None and table.note:
            histories = CaptureHistories(histories.lists, histories.counts, [table.note])
    else:
        histories = tables.load(study.data.table, plain_names=True)
    return histories, source, digest.hexdigest()


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
    from darkfigure.report.disclosure import publishable_overlaps
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
    return chosen.estimate(histories, **options, workers=workers, progress=progress)


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
    histories: CaptureHistories,
    estimate: Estimate,
    others: list[Estimate],
    provenance: Mapping[str, Any],
) -> str:
    from darkfigure.report.page import page

    return page(study, histories, estimate, others, provenance)


def _published_tables(
    shown: Overlaps, estimate: Estimate, others: list[Estimate]
) -> dict[str, Callable[[], str]]:
    """The tables that may leave the coalition, as CSV texts; small counts are held back."""

    def overlaps() -> str:
        rows = [[" + ".join(names), count] for names, count in shown.rows]
        if shown.others is not None:
            rows.append(["all other combinations together", shown.others])
        return _csv(["on exactly these lists", "people"], rows)

    def sizes() -> str:
        head = "people, at least" if shown.rounded else "people"
        return _csv(["list", head], [[name, size] for name, size in shown.list_sizes.items()])

    def totals() -> str:
        from darkfigure.report.disclosure import publishable_estimate

        every = [estimate, *others]
        if shown.rounded:
            every = [publishable_estimate(each) for each in every]
        head = ["what", "method", "model", "total", "lower", "upper", "level"]
        return _csv(head, [[e.details.get("label", "this study"), *_row(e)] for e in every])

    return {"overlaps": overlaps, "list_sizes": sizes, "estimates": totals}


def _row(estimate: Estimate) -> list[Any]:
    return [
        estimate.method,
        estimate.details.get("model", ""),
        round(estimate.total),
        round(estimate.lower),
        "" if estimate.upper == float("inf") else round(estimate.upper),
        estimate.level,
    ]


def _csv(header: list[str], rows: list[list[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def _settings_of(study: Study) -> dict[str, Any]:
    return study.model_dump(mode="json", by_alias=True)


class _Steps:
    """Files made in order, each only when its needs have changed, put in place at the end."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.aside = folder / ASIDE
        self.skipped: list[str] = []
        self.made: dict[str, dict[str, str]] = {}
        try:
            self.aside.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                Problem(f"The folder cannot be written to: {error.strerror}.", file=str(folder))
            ) from None

    def text(self, name: str, *, needs: Mapping[str, Any], make: Callable[[], str]) -> str:
        """The text of a file, made anew unless one is there that the same needs made."""
        key = _hash(json.dumps([__version__, name, needs], sort_keys=True).encode())
        for place in (self.aside, self.folder):
            recorded = _record(place).get(name, {})
            file = place / name
            if recorded.get("key") == key and file.is_file():
                found = file.read_bytes()
                if _hash(found) == recorded.get("sha256"):
                    self.skipped.append(name)
                    if place is self.folder:
                        self._keep(name, key, found)
                    else:
                        self.made[name] = recorded
                    return found.decode()
        text = make()
        self._keep(name, key, text.encode())
        return text

    def _keep(self, name: str, key: str, content: bytes) -> None:
        _write(self.aside / name, content)
        self.made[name] = {"key": key, "sha256": _hash(content)}
        _write(self.aside / RECORD, json.dumps({"files": self.made}, indent=1).encode())

    def unfinished(self, *needs: Mapping[str, Any]) -> Path:
        """Where to keep what is done of one long step, for the same needs only."""
        key = _hash(json.dumps([__version__, *needs], sort_keys=True).encode())
        for other in self.aside.glob("replicates-*"):
            if other.name != f"replicates-{key[:16]}":
                other.unlink()
        return self.aside / f"replicates-{key[:16]}"

    def hash_of(self, name: str) -> str:
        """The hash of a file made earlier in this run."""
        return self.made[name]["sha256"]

    def finish(self, made_by: Mapping[str, Any]) -> None:
        """Move everything into place; an interrupt waits until that is done."""
        record = json.dumps({**made_by, "files": self.made}, indent=1, ensure_ascii=False)
        for name in self.made:
            if (self.folder / name).is_dir():
                raise InputError(
                    Problem(
                        "A folder stands where this file has to be written; move it away.",
                        file=str(self.folder / name),
                    )
                )
        with _uninterrupted():
            (self.folder / RECORD).unlink(missing_ok=True)  # while files move, nothing vouches
            for name in self.made:
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                os.replace(self.aside / name, self.folder / name)
            _write(self.aside / RECORD, record.encode())
            os.replace(self.aside / RECORD, self.folder / RECORD)
            for leftover in sorted(self.aside.rglob("*"), reverse=True):
                leftover.rmdir() if leftover.is_dir() else leftover.unlink()
            self.aside.rmdir()


def _record(place: Path) -> dict[str, dict[str, str]]:
    try:
        files = json.loads((place / RECORD).read_text())["files"]
        return files if isinstance(files, dict) else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _write(file: Path, content: bytes) -> None:
    """Write aside, then rename: a file is whole or it is not there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(file.name + ".part")
    with part.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(part, file)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold back Ctrl-C and termination until the block is done."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[tuple[int, FrameType | None]] = []
    before = {
        number: signal.signal(number, lambda n, frame: held.append((n, frame)))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if held:
            signal.raise_signal(held[0][0])
