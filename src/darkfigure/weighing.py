"""The way of a scenario: what a shift of hours would do, as numbers, tables and a page.

What has not changed is not done again; see `steps`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from darkfigure import __version__, engine
from darkfigure.demand.scenario import Scenario
from darkfigure.demand.scenario_file import load
from darkfigure.demand.shift import run
from darkfigure.report import scenario_tables
from darkfigure.report.scenario_page import scenario_page
from darkfigure.steps import Steps, default_folder

Say = Callable[[str], None]


@dataclass(frozen=True)
class Weighed:
    """What a scenario came to.

    Attributes
    ----------
    scenario : Scenario
    told : dict
        All of it; see `scenario.json` in the folder.
    folder : Path
        Where the files are.
    skipped : tuple of str
        The steps whose inputs had not changed.
    """

    scenario: Scenario
    told: dict[str, Any]
    folder: Path
    skipped: tuple[str, ...]


def weigh(
    path: str | Path,
    out: str | Path | None = None,
    *,
    workers: int | None = None,
    progress: engine.Progress | None = None,
    say: Say = lambda text: None,
) -> Weighed:
    """Run a scenario, and write its page.

    Parameters
    ----------
    path : str or Path
        The TOML file; see `darkfigure.demand.scenario_file`.
    out : str or Path, optional
        The folder to write to; see `darkfigure.steps.default_folder` when left out.
    workers, progress, say
        Cores to use; told how many pieces are done, and what is being done.

    Raises
    ------
    InputError
        If the scenario is wrong, or the folder cannot be written to.
    """
    path = Path(path)
    scenario = load(path)
    folder = Path(out) if out is not None else default_folder(path)
    steps = Steps(folder, path)
    about = scenario.model_dump(mode="json", by_alias=True)

    def made() -> str:
        say(f"Running {scenario.draws:,} draws over {scenario.years} years, twice.")
        outcome = run(scenario, workers=workers, progress=progress)
        return json.dumps(outcome.told(), ensure_ascii=False, indent=1, allow_nan=False)

    told = json.loads(steps.text("scenario.json", needs={"scenario": about}, make=made))
    needs = {"scenario": about, "told": steps.hash_made("scenario.json")}
    for name, text in scenario_tables.files(told).items():
        steps.text(f"tables/{name}.csv", needs=needs, make=partial(str, text))
    made_by = {"version": __version__, "command": f"darkfigure demand scenario {path.name}"}
    say("Writing the page.")
    steps.text(
        "report.html",
        needs={**needs, "made_by": made_by},
        make=lambda: scenario_page(scenario, told, made_by),
    )
    steps.finish({**made_by, "seed": scenario.seed})
    return Weighed(scenario, told, folder, tuple(steps.skipped))
