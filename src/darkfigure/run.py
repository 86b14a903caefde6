"""The way the data takes, step by step: read or link, estimate, hold against alternatives, write.

Counts come from a table, or from agencies' raw or protected lists, whose records are linked first.
Nothing else knows the order. What has not changed is not done again; see `steps`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from darkfigure import __version__, engine
from darkfigure.counts import Rows, Say, Source, as_csv, problem_at, source
from darkfigure.errors import InputError, NoEstimateError
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.steps import Steps, default_folder
from darkfigure.study import Study
from darkfigure.study import load as load_study

if TYPE_CHECKING:
    from darkfigure.disclosure import ShownStratum

    Strata = tuple[list[str], list[ShownStratum]]


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
        The folder to write to; see `darkfigure.steps.default_folder` when left out.
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
    folder = Path(out) if out is not None else default_folder(path)
    try:
        with source(study, path, folder, where, say) as counts:
            return _steps(study, path, counts, folder, where, workers, progress, say)
    except NoEstimateError:
        if (page := folder / "report.html").exists():
            say(f"{page} is of an earlier run, and does not hold for these lists and settings.")
        raise


def _steps(
    study: Study,
    path: Path,
    counts: Source,
    folder: Path,
    where: engine.Where,
    workers: int | None,
    progress: engine.Progress | None,
    say: Say,
) -> Outcome:
    steps = Steps(folder, path)
    needs = {**counts.needs, "synthetic": study.synthetic}
    about_study = study.model_dump(mode="json", by_alias=True)
    for name, make in counts.files().items():
        steps.text(name, needs=needs, make=make)

    settings = study.method.model_dump(exclude_none=True)
    say(f"Estimating by the method {study.method.name}.")
    by_strata: dict[str, Any] | None = None
    if study.method.by:
        needs["smallest_count"] = study.smallest_count
        by_strata = json.loads(
            steps.text(
                "strata.json",
                needs={**needs, "method": settings},
                make=lambda: _by_strata(
                    study, counts, where, workers, progress, steps.unfinished(needs, settings)
                ),
            )
        )
    estimate = Estimate.from_json(
        steps.text(
            "estimate.json",
            needs={**needs, "method": settings},
            make=lambda: (
                json.dumps(by_strata["total"], ensure_ascii=False, indent=1)
                if by_strata
                else _estimate(
                    study, counts.histories, workers, progress, steps.unfinished(needs, settings)
                ).to_json()
            ),
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
    strata = _shown_strata(study, by_strata) if by_strata else None
    if strata:
        steps.text("tables/strata.csv", needs=needs, make=lambda: _strata_table(study, strata))
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
        make=lambda: _page(study, counts, estimate, others, provenance, strata),
    )
    made_by = {**provenance, "settings": settings, "seed": study.method.seed}
    steps.finish({"SYNTHETIC": "made up", **made_by} if study.synthetic else made_by)
    return Outcome(study, estimate, folder, tuple(steps.skipped))


def _check_method(study: Study, path: Path) -> None:
    from darkfigure.size.methods import method

    try:
        known = method(study.method.name)
    except InputError as error:
        raise InputError(problem_at(str(error), path, "[method]")) from None
    problems = [
        problem_at(f"The method '{study.method.name}' has no setting '{option}'.", path, "[method]")
        for option in ("bootstrap", "draws", "weights", "max_order", "threshold")
        if getattr(study.method, option) is not None and option not in known.options
    ]
    if study.method.imputations and not study.method.by:
        alone = "The setting 'imputations' is for people split by 'by'; name the columns there."
        problems.append(problem_at(alone, path, "[method]"))
    if study.method.bootstrap and study.method.bootstrap < 20:
        few = f"{study.method.bootstrap} replicates are too few for an interval; take 200 or more, "
        problems.append(problem_at(few + "or 0 for none.", path, "[method]"))
    if problems:
        raise InputError(problems)


def _estimate(
    study: Study,
    histories: CaptureHistories,
    workers: int | None,
    progress: engine.Progress | None,
    resume: Path,
) -> Estimate:
    from darkfigure.size.methods import method
    from darkfigure.size.refusal import or_lower_bound

    options = study.method.model_dump(exclude_none=True)
    chosen = method(options.pop("name"))
    if "resume" in chosen.options:
        options["resume"] = resume
    with or_lower_bound(histories):
        estimate = chosen.estimate(histories, **options, workers=workers, progress=progress)
    if not study.synthetic:
        return estimate
    return replace(estimate, settings={**estimate.settings, "synthetic": True})


def _by_strata(
    study: Study,
    counts: Source,
    where: engine.Where,
    workers: int | None,
    progress: engine.Progress | None,
    resume: Path,
) -> str:
    """Every stratum and the total, as JSON; inside the coalition only."""
    from darkfigure.size.strata import LEAST_SHARED, by_strata

    assert counts.strata is not None
    options = study.method.model_dump(exclude_none=True, exclude={"name", "by"})
    found = by_strata(
        counts.strata,
        study.method.name,
        least_shared=max(LEAST_SHARED, study.smallest_count),
        where=where,
        workers=workers,
        progress=progress,
        resume=resume,
        **options,
    )
    total = found.total
    if study.synthetic:
        total = replace(total, settings={**total.settings, "synthetic": True})
    told = {"by": list(found.by), "strata": found.rows(), "total": total.to_dict()}
    return json.dumps(told, ensure_ascii=False, indent=1)


def _shown_strata(study: Study, by_strata: Mapping[str, Any]) -> Strata:
    from darkfigure.disclosure import publishable_strata

    return by_strata["by"], publishable_strata(by_strata["strata"], study.smallest_count)


def _strata_table(study: Study, strata: Strata) -> str:
    by, shown = strata
    head = [", ".join(by), "seen", "total", "lower", "upper"]
    rows = [
        [
            each.name,
            "" if each.observed is None else each.observed,
            *(
                "" if x is None or x == float("inf") else round(x)
                for x in (each.total, each.lower, each.upper)
            ),
        ]
        for each in shown
    ]
    return as_csv([head, *rows], study)


def _alternatives(study: Study, histories: CaptureHistories) -> list[dict[str, Any]]:
    from darkfigure.size import alternatives

    found = alternatives(
        histories,
        study.method.name,
        level=study.method.level,
        options=study.method.model_dump(exclude_none=True),
    )
    if study.method.by:
        found = [*_not_split(study, histories), *found]
    return [each.to_dict() for each in found]


def _not_split(study: Study, histories: CaptureHistories) -> list[Estimate]:
    """Everybody together by the same method, beside which a total by strata is to be seen."""
    from darkfigure.size.methods import method

    options = study.method.model_dump(exclude_none=True, exclude={"by", "imputations"})
    chosen = method(options.pop("name"))
    if "bootstrap" in chosen.options:
        options["bootstrap"] = 0
    try:
        together = chosen.estimate(histories.settled, **options)
    except NoEstimateError:
        return []
    label = f"everybody together, not split by {', '.join(study.method.by or ())}"
    return [replace(together, details={**together.details, "label": label})]


def _page(
    study: Study,
    counts: Source,
    estimate: Estimate,
    others: list[Estimate],
    provenance: Mapping[str, Any],
    strata: Strata | None,
) -> str:
    from darkfigure.disclosure import publishable_estimate
    from darkfigure.report.page import page
    from darkfigure.size.sensitivity import sensitivity

    histories = counts.histories.settled
    models = [other for other in others if not other.details.get("without")]
    if counts.shown.rounded:  # then nothing but what is published anyway may go into it
        shown = [publishable_estimate(each) for each in (estimate, *models)]
        unknowable = sensitivity(shown[0], others=shown[1:])
    else:
        unknowable = sensitivity(estimate, histories, others=models)
    return page(
        study,
        histories,
        estimate,
        others,
        provenance,
        linkage=counts.about,
        unknowable=unknowable.to_dict(),
        strata=strata,
    )


def _overlaps_table(counts: Source, estimate: Estimate, others: list[Estimate]) -> Rows:
    rows = [[" + ".join(names), count] for names, count in counts.shown.rows]
    if counts.shown.others is not None:
        rows.append(["all other combinations together", counts.shown.others])
    return [["on exactly these lists", "people"], *rows]


def _sizes_table(counts: Source, estimate: Estimate, others: list[Estimate]) -> Rows:
    head = "people, at least" if counts.shown.rounded else "people"
    return [["list", head], *([name, size] for name, size in counts.shown.list_sizes.items())]


def _estimates_table(counts: Source, estimate: Estimate, others: list[Estimate]) -> Rows:
    from darkfigure.disclosure import publishable_estimate

    every = [estimate, *others]
    if counts.shown.rounded:
        every = [publishable_estimate(each) for each in every]
    head = ["what", "method", "model", "total", "lower", "upper", "level"]
    return [head, *([e.details.get("label", "this study"), *_row(e)] for e in every)]


PUBLISHED: Mapping[str, Callable[[Source, Estimate, list[Estimate]], Rows]] = {
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
    table: Callable[[Source, Estimate, list[Estimate]], Rows],
    study: Study,
    counts: Source,
    estimate: Estimate,
    others: list[Estimate],
) -> str:
    return as_csv(table(counts, estimate, others), study)
