"""A study runs from lists to page, skips what has not changed, and leaves nothing half written."""

import csv
import hashlib
import html
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from darkfigure import Estimate, InputError, NoEstimateError
from darkfigure.lists.overlap_table import read_overlap_table
from darkfigure.report.method import method_text
from darkfigure.run import run
from darkfigure.size.methods import METHODS
from darkfigure.steps import RECORD

STUDY = """\
title = "How many people?"
people = "people in a made-up example"
place = "Nowhere"
period = "2020"
synthetic = true
[data]
file = "overlaps.csv"
[method]
name = "stepwise"
bootstrap = 40
"""

TABLE = """\
police,shelter,hospital,count
1,0,0,90
0,1,0,80
0,0,1,70
1,1,0,20
1,0,1,15
0,1,1,18
1,1,1,3
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    (tmp_path / "study.toml").write_text(STUDY)
    (tmp_path / "overlaps.csv").write_text(TABLE)
    return tmp_path / "study.toml"


def contents(folder: Path) -> dict[str, str]:
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_a_run_writes_the_page_the_estimate_and_the_tables(study: Path, tmp_path: Path) -> None:
    outcome = run(study, tmp_path / "out")
    made = contents(tmp_path / "out")
    assert set(made) == {
        "report.html",
        "estimate.json",
        "alternatives.json",
        "made.json",
        "tables/overlaps.csv",
        "tables/list_sizes.csv",
        "tables/estimates.csv",
    }
    estimate = Estimate.from_json((tmp_path / "out/estimate.json").read_text())
    assert estimate == outcome.estimate
    assert estimate.observed == 296


def test_the_record_says_what_made_the_files(study: Path, tmp_path: Path) -> None:
    run(study, tmp_path / "out")
    record = json.loads((tmp_path / "out" / RECORD).read_text())
    assert record["seed"] == 1
    assert record["settings"]["bootstrap"] == 40
    assert record["input_hash"] == hashlib.sha256(TABLE.encode()).hexdigest()
    for name, made in record["files"].items():
        assert hashlib.sha256((tmp_path / "out" / name).read_bytes()).hexdigest() == made["sha256"]


def test_small_counts_reach_no_file_that_may_be_shown(study: Path, tmp_path: Path) -> None:
    run(study, tmp_path / "out")
    overlaps = (tmp_path / "out/tables/overlaps.csv").read_text()
    assert "police + shelter + hospital" not in overlaps
    assert ",3\n" not in overlaps


def test_a_second_run_does_nothing_again(study: Path, tmp_path: Path) -> None:
    first = run(study, tmp_path / "out")
    before = contents(tmp_path / "out")
    second = run(study, tmp_path / "out")
    assert first.skipped == ()
    assert len(second.skipped) == 6
    assert contents(tmp_path / "out") == before


def test_changed_words_rewrite_the_page_but_not_the_estimate(study: Path, tmp_path: Path) -> None:
    run(study, tmp_path / "out")
    study.write_text(STUDY.replace("Nowhere", "Elsewhere"))
    assert set(run(study, tmp_path / "out").skipped) == {"estimate.json", "alternatives.json"}
    assert "Elsewhere" in (tmp_path / "out/report.html").read_text()


def test_changed_counts_do_everything_again(study: Path, tmp_path: Path) -> None:
    run(study, tmp_path / "out")
    (tmp_path / "overlaps.csv").write_text(TABLE.replace("20", "25"))
    outcome = run(study, tmp_path / "out")
    assert outcome.skipped == ()
    assert outcome.estimate.observed == 301


def test_a_file_that_was_tampered_with_is_made_again(study: Path, tmp_path: Path) -> None:
    run(study, tmp_path / "out")
    page = tmp_path / "out/report.html"
    good = page.read_text()
    page.write_text(good.replace("Nowhere", "Somewhere"))
    assert "report.html" not in run(study, tmp_path / "out").skipped
    assert page.read_text() == good


def test_the_same_study_gives_the_same_bytes_on_any_number_of_cores(
    study: Path, tmp_path: Path
) -> None:
    run(study, tmp_path / "one", workers=1)
    run(study, tmp_path / "three", workers=3)
    assert contents(tmp_path / "one") == contents(tmp_path / "three")


def test_ones_own_files_in_the_folder_stay(study: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/notes.txt").write_text("mine")
    run(study, tmp_path / "out")
    run(study, tmp_path / "out")
    assert (tmp_path / "out/notes.txt").read_text() == "mine"


def test_a_failed_run_leaves_the_last_good_result(study: Path, tmp_path: Path) -> None:
    run(study, tmp_path / "out")
    before = contents(tmp_path / "out")
    (tmp_path / "overlaps.csv").write_text(TABLE.replace("20", "-20"))
    with pytest.raises(InputError, match="line 5, column 'count'"):
        run(study, tmp_path / "out")
    assert contents(tmp_path / "out") == before


def test_an_interrupted_run_goes_on_where_it_stopped(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("darkfigure.run._page", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run(study, tmp_path / "out")
    assert not (tmp_path / "out/report.html").exists()
    assert not (tmp_path / "out/estimate.json").exists()
    assert {"estimate.json", "alternatives.json"} <= set(run(study, tmp_path / "out").skipped)
    assert (tmp_path / "out/report.html").exists()
    assert not (tmp_path / "out/.unfinished").exists()


def test_replicates_that_were_drawn_before_an_interrupt_are_not_drawn_again(
    study: Path, tmp_path: Path
) -> None:
    study.write_text(STUDY.replace("bootstrap = 40", "bootstrap = 300"))
    run(study, tmp_path / "whole")

    def interrupt(done: int, of: int) -> None:
        if done == 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(study, tmp_path / "out", workers=1, progress=interrupt)
    told: list[int] = []
    run(study, tmp_path / "out", workers=1, progress=lambda done, of: told.append(done))
    assert told[0] > 15
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def test_a_killed_run_leaves_only_whole_files(study: Path, tmp_path: Path) -> None:
    study.write_text(STUDY.replace("bootstrap = 40", "bootstrap = 20000"))
    out = tmp_path / "out"
    for delay in (0.6, 1.0, 1.5, 2.0):
        process = subprocess.Popen(
            [sys.executable, "-m", "darkfigure", "run", str(study), "--out", str(out)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(delay)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        if (out / RECORD).exists():
            record = json.loads((out / RECORD).read_text())["files"]
            for name, made in record.items():
                assert hashlib.sha256((out / name).read_bytes()).hexdigest() == made["sha256"]
    run(study, out)
    assert (out / "report.html").read_text().rstrip().endswith("</html>")


def test_lists_that_share_nobody_cannot_answer(study: Path, tmp_path: Path) -> None:
    (tmp_path / "overlaps.csv").write_text(
        "police,shelter,hospital,count\n1,0,0,9\n0,1,0,8\n0,0,1,7\n"
    )
    with pytest.raises(NoEstimateError, match="not one person is on two of them"):
        run(study, tmp_path / "out")


def test_a_refusal_says_that_the_page_of_an_earlier_run_does_not_hold(
    study: Path, tmp_path: Path
) -> None:
    page = run(study, tmp_path / "out").folder / "report.html"
    before = page.read_bytes()
    (tmp_path / "overlaps.csv").write_text("police,shelter,count\n1,0,9\n0,1,8\n")
    told: list[str] = []
    with pytest.raises(NoEstimateError):
        run(study, tmp_path / "out", say=told.append)
    assert told[-1].startswith(f"{page} is of an earlier run")
    assert page.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (('name = "stepwise"', 'name = "magic"'), "There is no method 'magic'"),
        (('name = "stepwise"', 'name = "stepwise"\nmax_order = 2'), "no setting 'max_order'"),
        (("bootstrap = 40", "bootstrap = 3"), "too few for an interval"),
        (("[method]", '[lists]\nnobody = "Nobody"\n[method]'), "nobody"),
    ],
)
def test_settings_that_do_not_fit_the_data_are_refused(
    study: Path, tmp_path: Path, change: tuple[str, str], says: str
) -> None:
    study.write_text(STUDY.replace(*change))
    with pytest.raises(InputError, match=says):
        run(study, tmp_path / "out")
    assert not (tmp_path / "out/report.html").exists()


def published(out: Path) -> str:
    page = (out / "report.html").read_text()
    tables = "".join(file.read_text() for file in sorted((out / "tables").glob("*.csv")))
    return re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL) + tables


def test_estimates_beside_suppressed_counts_are_too_coarse_to_work_back_from(
    study: Path, tmp_path: Path
) -> None:
    outcome = run(study, tmp_path / "out")
    with (tmp_path / "out/tables/estimates.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert "observed" not in rows[0]
    for row in rows:
        for figure in (row["total"], row["lower"], row["upper"]):
            assert int(figure) % 10 == 0 or int(figure) == outcome.estimate.observed
    text = published(tmp_path / "out")
    assert f"{outcome.estimate.total:,.0f}" not in text
    assert f"{outcome.estimate.details['bic']:,.1f}" not in text
    assert "above the best" not in text
    histories = read_overlap_table(study.parent / "overlaps.csv")
    without = [histories.drop(name).observed for name in histories.lists]
    assert not any(f">{number}<" in text or f",{number}" in text for number in without)


def test_published_counts_are_shown_in_full(study: Path, tmp_path: Path) -> None:
    study.write_text(STUDY + "[disclosure]\nsmallest_count = 1\n")
    outcome = run(study, tmp_path / "out")
    assert f"{outcome.estimate.total:,.0f}" in published(tmp_path / "out")


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (('"stepwise"', '"bic"\nmax_order = 9'), 8),
        (("[method]", "[disclosure]\nsmallest_count = 1000\n[method]"), 8),
    ],
)
def test_settings_beyond_the_counts_are_refused_before_anything_is_estimated(
    study: Path, tmp_path: Path, change: tuple[str, str], line: int
) -> None:
    study.write_text(STUDY.replace(*change))
    with pytest.raises(InputError) as refused:
        run(study, tmp_path / "out")
    assert [p.line for p in refused.value.problems] == [line]
    assert not (tmp_path / "out").exists()


def test_a_folder_in_the_way_changes_nothing(study: Path, tmp_path: Path) -> None:
    (tmp_path / "out/report.html").mkdir(parents=True)
    with pytest.raises(InputError, match="A folder stands where this file"):
        run(study, tmp_path / "out")
    assert not (tmp_path / "out/estimate.json").exists()


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_its_words_on_a_page_whose_small_counts_are_held_back(
    name: str, study: Path, tmp_path: Path
) -> None:
    study.write_text(STUDY.replace("stepwise", name).replace("bootstrap = 40\n", ""))
    outcome = run(study, tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text()
    told = page.split("How it was done")[1]
    assert method_text(outcome.estimate)[:60] in html.unescape(told)
    assert ("averaged with the probability" in told) == (name in ("averaged", "decomposable"))
    headline = re.search("<h1[^>]*>([^<]*)</h1>", page)
    assert headline is not None
    assert headline[1].startswith("At least" if name == "chao" else "Between")
    assert ("On that guess at most about" in page) == (name == "chao")


@pytest.mark.parametrize("name", ["independent", "chao"])
def test_more_lists_than_most_methods_take_have_a_page(name: str, tmp_path: Path) -> None:
    names = [f"list{i}" for i in range(13)]
    rows = [[int(j in (i, k)) for j in range(13)] for i in range(13) for k in range(i, 13)]
    with (tmp_path / "overlaps.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow([*names, "count"])
        writer.writerows([*row, 60 if sum(row) == 1 else 9] for row in rows)
    file = tmp_path / "study.toml"
    file.write_text(STUDY.replace("stepwise", name))
    assert run(file, tmp_path / "out").estimate.method == name
    file.write_text(STUDY.replace("stepwise", "auto").replace("bootstrap = 40\n", ""))
    with pytest.raises(InputError, match="takes up to 12 lists, not 13"):
        run(file, tmp_path / "out")
