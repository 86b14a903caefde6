"""Comparisons as a user asks for them: tables on the command line, and a study of places."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from darkfigure.cli import main
from darkfigure.comparing import compare_study
from darkfigure.comparison_study import load
from darkfigure.errors import InputError
from darkfigure.lists.overlap_table import read_overlap_table
from darkfigure.size.auto import auto
from darkfigure.tables import sheets

COUNTS = """police,shelter,hospital,count
1,0,0,300
0,1,0,200
0,0,1,150
1,1,0,40
1,0,1,30
0,1,1,25
1,1,1,9
"""
FEW = "police,shelter,count\n1,0,300\n0,1,200\n1,1,0\n"


def compare(*arguments, cwd=None):
    return subprocess.run(
        [sys.executable, "-m", "darkfigure", "compare", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        check=False,
    )


def run_cli(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["darkfigure", "compare", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    told = capsys.readouterr()
    return ended.value.code or 0, told.out, told.err


def test_published_tables_are_compared_as_one_json_object():
    done = compare("uk-2013-5lists", "new-orleans-2014", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    for place in found["places"]:
        assert place["lower"] < place["total"] < place["upper"]
        assert place["rate_lower"] < place["rate"] < place["rate_upper"]
        assert place["coverage_lower"] < place["coverage"] < place["coverage_upper"]
        assert 1 <= place["rank_lower"] <= place["rank_upper"] <= 2
    for name in ("recorded_ratio", "prevalence_ratio", "detection_ratio"):
        (pair,) = found["pairs"]
        assert pair[f"{name}_lower"] < pair[name] < pair[f"{name}_upper"]
    assert (pair["a"], pair["b"]) == ("uk-2013-5lists", "new-orleans-2014")
    assert 0 <= pair["probability_prevalence_higher"] < 0.05
    uk = found["places"][0]
    assert uk["observed"] == 2_744
    assert uk["rate"] == pytest.approx(1e5 * uk["total"] / 64_139_000)
    assert uk["coverage"] == pytest.approx(uk["observed"] / uk["total"])
    assert pair["recorded_ratio"] == pytest.approx(
        pair["prevalence_ratio"] * pair["detection_ratio"]
    )


def test_it_is_said_in_sentences_with_files_of_ones_own(tmp_path):
    Path(tmp_path, "here.csv").write_text(COUNTS)
    done = compare(
        "here.csv",
        "uk-2013-5lists",
        "--population",
        "here=500000",
        "--years",
        "here=1",
        "--seed",
        2,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "here records" in done.stdout
    assert "times as many cases per head as uk-2013-5lists" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["uk-2013"], "two places or more"),
        ([], "two places or more"),
        (["uk-2013", "uk-2013"], "twice"),
        (["uk-2013", "western-us"], "The population of 'western-us' is not known"),
        (["uk-2013", "australia-2015-2017"], "--stay"),
        (["uk-2013", "here.csv"], "The population of 'here' is not known"),
        (["uk-2013", "here.csv", "--population", "here=1e5"], "time in years of 'here'"),
        (["uk-2013", "here.csv", "--population", "here=0", "--years", "here=1"], "positive"),
        (["uk-2013", "here.csv", "--population", "here=x"], "needs a number, not 'x'"),
        (["uk-2013", "here.csv", "--population", "1e5"], "TABLE=NUMBER"),
        (["uk-2013", "here.csv", "--population", "there=1e5"], "names 'there'"),
        (["uk-2013", "here.csv", "--population", "here=1e5", "--years", "here=-1"], "0 or more"),
        (["uk-2013", "australia-2015-2017", "--stay", "5,1"], "in this order"),
        (["uk-2013", "australia-2015-2017", "--stay", "1,2,3"], "least and the most"),
        (["uk-2013", "australia-2015-2017", "--stay", "long"], "needs a number"),
        (["uk-2013", "new-orleans-2014", "--level", "2"], "level"),
        (["uk-2013", "new-orleans-2014", "--method", "magic"], "magic"),
        (["uk-2013", "uk-2031"], "uk-2013"),
        (["uk-2013", "nowhere.csv"], "nowhere.csv"),
        (["nothing.toml"], "no such file"),
    ],
)
def test_a_wrong_call_is_answered_in_a_sentence(tmp_path, monkeypatch, capsys, arguments, says):
    Path(tmp_path, "here.csv").write_text(COUNTS)
    monkeypatch.chdir(tmp_path)
    code, out, err = run_cli(monkeypatch, capsys, *arguments)
    assert (code, out) == (2, "")
    assert says in err


def test_two_places_of_which_one_cannot_answer_are_no_comparison(tmp_path):
    Path(tmp_path, "here.csv").write_text(FEW)
    done = compare(
        "here.csv", "uk-2013", "--population", "here=1e5", "--years", "here=1", cwd=tmp_path
    )
    assert done.returncode == 1
    assert "Fewer than two places" in done.stderr
    assert "here: its lists cannot answer" in done.stderr


STUDY = """title = "Where?"
people = "exploited people"
focus = ["here"]

[footing]
years = 1
stay = [0.5, 5]

[places.here]
file = "here.csv"
population = 500000
years = 1

[places.there]
name = "Over there"
total = 900
lower = 700
upper = 1300
observed = 90
population = 300000
years = 6
source = "a report"

[places.silent]
file = "few.csv"
population = 100000
years = 1
"""


@pytest.fixture
def study(tmp_path):
    Path(tmp_path, "here.csv").write_text(COUNTS)
    Path(tmp_path, "few.csv").write_text(FEW)
    path = Path(tmp_path, "study.toml")
    path.write_text(STUDY)
    return path


def test_a_study_keeps_the_place_that_cannot_answer_and_does_nothing_twice(study, tmp_path):
    out = tmp_path / "out"
    outcome = compare_study(study, out)
    names = [place.name for place in outcome.comparison.places]
    assert names == ["here", "Over there", "silent"]
    told = json.loads((out / "comparison.json").read_text())
    assert told["places"][2]["rank_lower"] is None
    assert "its lists cannot answer" in told["places"][2]["why"]
    assert any("0.5 to 5 years" in warning for warning in told["warnings"])
    again = compare_study(study, out)
    assert {"places.json", "comparison.json"} <= set(again.skipped)
    assert again.comparison.to_dict() == outcome.comparison.to_dict()


def test_a_changed_file_is_estimated_anew(study, tmp_path):
    compare_study(study, tmp_path / "out")
    Path(tmp_path, "here.csv").write_text(COUNTS.replace("300", "400"))
    assert "places.json" not in compare_study(study, tmp_path / "out").skipped


@pytest.mark.parametrize(
    ("find", "put", "line", "says"),
    [
        ("population = 500000", "", 9, "no 'population'"),
        ("population = 500000", "population = 0", 11, "greater than 0"),
        ("population = 500000", 'population = "many"', 11, "number"),
        ("years = 6", "", 14, "no 'years'"),
        ("years = 6", "years = -6", 21, "greater than or equal to 0"),
        ('file = "here.csv"', 'file = "gone.csv"', 10, "no file 'gone.csv'"),
        ('file = "here.csv"', 'table = "uk-2031"', 10, "uk-2013"),
        ('file = "here.csv"', "", 9, "give one of"),
        ("total = 900", 'total = 900\nfile = "few.csv"', 14, "give one of"),
        ("lower = 700\nupper = 1300\n", "", 14, "within = 2"),
        ('name = "Over there"', 'name = "here"', None, "two places are called 'here'"),
        ('focus = ["here"]', 'focus = ["nowhere"]', None, "no place here"),
        ("stay = [0.5, 5]", "stay = [1, 2, 3]", 7, "stay"),
        ("observed = 90", "observd = 90", 19, "Did you mean 'observed'"),
    ],
)
def test_what_is_wrong_with_a_study_is_said_with_its_line(study, find, put, line, says):
    study.write_text(STUDY.replace(find, put, 1))
    with pytest.raises(InputError) as caught:
        load(study)
    assert says in str(caught.value)
    if line:
        assert line in [problem.line for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("find", "put", "says"),
    [
        ("observed = 90", "observed = 800", "places.there"),
        ("stay = [0.5, 5]", "", "Over there counts the people of 6 years"),
        ("stay = [0.5, 5]", "stay = [5, 0.5]", "in this order"),
        ("lower = 700", "lower = 1000", "hold the total"),
    ],
)
def test_numbers_that_contradict_each_other_are_refused(study, tmp_path, find, put, says):
    study.write_text(STUDY.replace(find, put, 1))
    done = compare(study, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_unverified_numbers_are_kept_and_not_ranked(study, tmp_path):
    study.write_text(STUDY.replace('source = "a report"', 'source = "x"\nstatus = "unverified"'))
    done = compare(study, "--out", tmp_path / "out")
    assert done.returncode == 1
    assert "Over there: its numbers could not be verified" in done.stderr


def test_second_hand_numbers_are_marked(study, tmp_path):
    study.write_text(STUDY.replace('source = "a report"', 'source = "x"\nstatus = "secondary"'))
    outcome = compare_study(study, tmp_path / "out")
    assert any("second hand" in warning for warning in outcome.comparison.warnings)


@pytest.fixture
def scores(tmp_path):
    path = tmp_path / "scores.csv"
    rows = [
        f"{r['place']},{r['score']},{r['standard_error']}" for r in sheets.rows("pisa-2018-math")
    ]
    path.write_text("\n".join(["place,estimate,se", *rows]), encoding="utf-8")
    return path


def test_estimates_from_anywhere_are_ranked(monkeypatch, capsys, scores):
    code, out, _ = run_cli(monkeypatch, capsys, "--estimates", scores, "--best", 5, "--json")
    found = json.loads(out)
    assert code == 0
    uk = next(place for place in found["places"] if place["name"] == "United Kingdom")
    assert (uk["rank"], uk["rank_lower"], uk["rank_upper"]) == (13, 8, 23)
    assert len(found["best"]["places"]) == 12


def test_ranks_are_said_as_a_table_too(monkeypatch, capsys, scores):
    _, out, _ = run_cli(monkeypatch, capsys, "--estimates", scores, "--best", 5, "--level", 0.9)
    assert re.search(r"^United Kingdom .* 13 ", out, re.MULTILINE)
    assert "Among the first 5 may be, 90 % sure, 11: Japan" in out


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("place,estimate\na,1\nb,2", "line 1", "se"),
        ("place,estimate,se\na,1,x\nb,2,1", "line 2, column 'se'", "number"),
        ("place,estimate,se\na,1,-1\nb,2,1", "line 2, column 'se'", "above zero"),
        ("place,estimate,se\na,1,0\nb,2,1", "line 2, column 'se'", "zero"),
        ("place,estimate,se\na,1,1\na,2,1", "line 3, column 'place'", "a"),
        ("place,estimate,se\na,1,1", "", "only one place"),
        ("", "", "empty"),
    ],
)
def test_what_is_wrong_with_estimates_is_said(monkeypatch, capsys, tmp_path, text, line, says):
    path = tmp_path / "e.csv"
    path.write_text(text)
    code, out, err = run_cli(monkeypatch, capsys, "--estimates", path)
    assert (code, out) == (2, "")
    assert line in err
    assert says in err


@pytest.mark.parametrize(
    "arguments", [["uk-2013", "--estimates", "x.csv"], ["uk-2013", "uk-2013-5lists", "--best", "3"]]
)
def test_options_that_do_not_belong_together_are_refused(monkeypatch, capsys, arguments):
    code, _, err = run_cli(monkeypatch, capsys, *arguments)
    assert code == 2
    assert "--estimates" in err


def test_nothing_written_lets_small_counts_be_worked_out(study, tmp_path):
    """A place's own counts below five leave no trace but in totals to two digits."""
    counts = COUNTS.replace("1,1,1,9", "1,1,1,2")
    Path(tmp_path, "here.csv").write_text(counts)
    Path(tmp_path, "few.csv").write_text("police,shelter,count\n1,0,2\n0,1,29\n1,1,1\n")
    compare_study(study, tmp_path / "out")
    exact = auto(read_overlap_table(tmp_path / "here.csv"), level=0.95, seed=1)
    told = json.loads((tmp_path / "out" / "comparison.json").read_text())
    here, _, silent = told["places"]
    for name in ("total", "lower", "upper"):
        assert here[name] != getattr(exact, name)
        assert here[name] == float(f"{here[name]:.2g}")
    assert silent["why"] == "its lists cannot answer; few shared"
    for file in (tmp_path / "out").rglob("*"):
        if file.is_file():
            text = file.read_text(encoding="utf-8")
            assert "two lists or more" not in text, file
            assert f"{exact.total:.1f}" not in text, file


def test_an_estimate_made_before_is_compared_as_it_may_be_published(study, tmp_path):
    made = auto(read_overlap_table(tmp_path / "here.csv"))
    Path(tmp_path, "made.json").write_text(made.to_json())
    text = STUDY.replace('file = "few.csv"', 'estimate = "made.json"')
    study.write_text(text)
    place = compare_study(study, tmp_path / "out").comparison.places[2]
    assert place.estimate.total == float(f"{made.total:.2g}")
    study.write_text(text.replace("made.json", "here.csv"))
    with pytest.raises(InputError, match=r"here\.csv: This is not an estimate"):
        compare_study(study, tmp_path / "out")
