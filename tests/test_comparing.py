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


def names_and_numbers(folder):
    """Every number and every text that any file of a comparison holds."""
    found = []

    def walk(value):
        if isinstance(value, dict):
            for key, each in value.items():
                found.append(key)
                walk(each)
        elif isinstance(value, list):
            for each in value:
                walk(each)
        else:
            found.append(value)

    for file in folder.rglob("*.json"):
        if file.name != "made.json":
            walk(json.loads(file.read_text("utf-8")))
    return found


def test_how_many_are_recorded_is_in_no_file_where_they_are_few(study, tmp_path, capsys):
    text = STUDY.replace("total = 900\nlower = 700\nupper = 1300\nobserved = 90", "total = 912")
    text = text.replace("total = 912", "total = 912\nlower = 711\nupper = 1313\nobserved = 3")
    study.write_text(text)
    Path(tmp_path, "few.csv").write_text("police,shelter,count\n1,0,2\n0,1,1\n1,1,0\n")
    outcome = compare_study(study, tmp_path / "out")
    numbers = [x for x in names_and_numbers(tmp_path / "out") if not isinstance(x, str)]
    assert 3 not in [x for x in numbers if x is not None and not isinstance(x, bool)]
    told = outcome.comparison.to_dict()
    assert [(row["observed"], row["few"]) for row in told["places"][1:]] == [(None, True)] * 2
    assert "fewer than 5 people are on its lists" in told["places"][2]["why"]
    (pair,) = told["pairs"]
    assert pair["recorded_ratio"] is None
    assert "recorded in Over there is not shown (fewer than 5)" in pair["sentence"]


def test_small_counts_of_ones_own_file_are_not_printed_but_published_ones_are(
    tmp_path, monkeypatch, capsys
):
    Path(tmp_path, "here.csv").write_text(COUNTS.replace("1,1,1,9", "1,1,1,2"))
    monkeypatch.chdir(tmp_path)
    given = ["here.csv", "uk-2013", "--population", "here=5e5", "--years", "here=1", "--json"]
    _, out, _ = run_cli(monkeypatch, capsys, *given)
    here, uk = json.loads(out)["places"]
    assert here["total"] == float(f"{here['total']:.2g}")
    assert uk["observed"] == 2_744


@pytest.mark.parametrize(
    ("find", "put", "says"),
    [
        ("population = 300000", "population = 800", "cannot have 900 people in this situation"),
        ("population = 100000", "population = 400", "places.silent"),
        ('file = "few.csv"', 'file = "here.csv"', "'here' and 'silent' have the same numbers"),
        ('name = "Over there"', 'name = "HERE"', "two places are called 'HERE'"),
        ("stay = [0.5, 5]", "", "stay under [footing] in a study"),
    ],
)
def test_places_that_cannot_be_are_refused(study, tmp_path, find, put, says):
    study.write_text(STUDY.replace(find, put, 1))
    with pytest.raises(InputError) as caught:
        compare_study(study, tmp_path / "out")
    assert says in str(caught.value)


def test_the_same_published_table_twice_is_one_place(tmp_path):
    study = tmp_path / "study.toml"
    sections = "".join(f'[places.{name}]\ntable = "uk-2013"\n' for name in "ab")
    study.write_text('title = "Where?"\npeople = "people"\n' + sections)
    with pytest.raises(InputError, match=r"line 6: The places 'a' and 'b' have the same numbers"):
        load(study)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["her.csv", "uk-2013", "--population", "her=1e5"], "her.csv: There is no such file"),
        (["here.csv", "copy.csv"], "twice"),
        (["here.csv", "uk-2013", "--population", "here=1e5", "--population", "here=2e5"], "twice"),
        (["uk-2013", "new-orleans-2014", "--out", "x"], "--out is where a study's page"),
        (["study.toml", "--level", "0.9"], "--level is said in the study itself"),
        (["study.toml", "--population", "here=1"], "--population is said in the study itself"),
        (["--estimates", "here.csv", "--per", "10"], "takes no --per"),
        (["--estimates", "here.csv", "--out", "x"], "takes no --out"),
    ],
)
def test_what_would_do_nothing_is_refused(tmp_path, monkeypatch, capsys, arguments, says):
    for name in ("here.csv", "copy.csv"):
        Path(tmp_path, name).write_text(COUNTS)
    monkeypatch.chdir(tmp_path)
    code, out, err = run_cli(monkeypatch, capsys, *arguments)
    assert (code, out) == (2, "")
    assert says in err


def test_files_of_one_name_in_two_folders_are_two_places(tmp_path, monkeypatch, capsys):
    for folder, counts in (("x", COUNTS), ("y", COUNTS.replace("300", "400"))):
        Path(tmp_path, folder).mkdir()
        Path(tmp_path, folder, "p.csv").write_text(counts)
    monkeypatch.chdir(tmp_path)
    given = [
        f"--{what}={f}/p.csv={n}" for f in "xy" for what, n in (("population", 5e5), ("years", 1))
    ]
    code, out, err = run_cli(monkeypatch, capsys, "x/p.csv", "y/p.csv", *given, "--json")
    assert code == 0, err
    assert [place["name"] for place in json.loads(out)["places"]] == ["x/p.csv", "y/p.csv"]


def test_the_time_of_a_place_that_cannot_answer_does_not_matter(tmp_path, monkeypatch, capsys):
    Path(tmp_path, "few.csv").write_text(FEW)
    for name, counts in (("a", COUNTS), ("b", COUNTS.replace("300", "400"))):
        Path(tmp_path, f"{name}.csv").write_text(counts)
    monkeypatch.chdir(tmp_path)
    given = [f"--population={name}=5e5" for name in ("a", "b", "few")]
    given += ["--years=a=6", "--years=b=6", "--years=few=1", "--json"]
    code, out, err = run_cli(monkeypatch, capsys, "a.csv", "b.csv", "few.csv", *given)
    assert code == 0, err
    assert json.loads(out)["footing"]["years"] == 6


def test_run_passes_a_comparison_on(study, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        sys, "argv", ["darkfigure", "run", str(study), "--out", str(tmp_path / "o")]
    )
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    assert "The page: " in capsys.readouterr().out
    assert (tmp_path / "o" / "report.html").exists()


STATES = ["state,year,population,cases"] + [
    f"S{i},{year},{100_000 * (year - 2013)},{cases}"
    for i, some in enumerate([(1, "", 2), (30, 40, 50), (25, 20, 60), (70, 90, 80), (33, 20, "")])
    for year, cases in zip((2014, 2015, 2016), some, strict=True)
]
REPORTS = """title = "Where?"
people = "people"
per = 1_000_000

[method]
level = 0.8
seed = 7

[reports]
file = "states.csv"
place = "state"
systems = { hot = "cases" }
share = [0.01, 0.1, 0.4]
focus = ["S0"]

[reports.called]
hot = "calls"
"""


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    """A study of places with one count, with few cases, a growing population and a missing year."""
    folder = tmp_path_factory.mktemp("reports")
    rows = [row for row in STATES if not row.startswith("S4,2016")]
    Path(folder, "states.csv").write_text("\n".join(rows))
    study = Path(folder, "study.toml")
    study.write_text(REPORTS)
    return compare_study(study, folder / "out"), folder / "out"


def test_few_reported_cases_reach_no_file_and_no_page(reported):
    outcome, out = reported
    first = outcome.reports["places"][0]
    assert (first["few"], first["recorded_rate"], first["recorded_rank"]) == (True, None, None)
    page = (out / "report.html").read_text("utf-8")
    assert "In S0 fewer than 5 cases are recorded." in page
    assert "<td>fewer than 5 cases</td>" not in page  # no map, for these are no states
    exact = 1e6 * 3 / 400_000
    assert not [x for x in names_and_numbers(out) if isinstance(x, float) and abs(x - exact) < 0.01]
    assert outcome.reports["places"][1]["few"] is False


def test_level_seed_base_and_the_last_known_population_reach_the_reports(reported):
    told = reported[0].reports
    assert (told["level"], told["settings"]["seed"], told["per"]) == (0.8, 7, 1_000_000)
    assert told["places"][1]["recorded_rate"] == pytest.approx(1e6 * 120 / 600_000)
    assert told["places"][4]["population"] == 200_000
    json.dumps(told, allow_nan=False)
    assert told["grid"] == []  # no covariate, so no link
    assert told["told_apart_lower"] == told["told_apart_upper"]


def test_systems_are_called_as_people_call_them_and_shares_are_per_cent(reported):
    said = reported[0].reports["warnings"][0]
    assert "about 10 % (1 to 40 %) are among calls" in said
    page = (reported[1] / "report.html").read_text("utf-8")
    assert "per 100,000" not in page


def test_a_study_of_reports_alone_has_empty_places_and_pairs(reported, monkeypatch, capsys):
    out = reported[1]
    study = out.parent / "study.toml"
    code, text, _ = run_cli(monkeypatch, capsys, study, "--out", out, "--json")
    assert code == 0
    told = json.loads(text)
    assert (told["places"], told["pairs"]) == ([], [])


def test_anchors_are_of_one_year_or_are_said_not_to_be_used_and_are_marked():
    from darkfigure.compare.place import Place, published
    from darkfigure.reported import _anchors

    places = [
        Place(name, 1e6, 6.0, published(900, 700, 1_300, observed=90)) for name in ("S1", "other")
    ]
    anchors, said = _anchors(["S0", "S1"], places, (3.0, 3.0), {"S1": "its range is assumed"}, 1)
    assert [anchor.place for anchor in anchors] == ["S1"]
    assert anchors[0].rate == pytest.approx(900e-6 * 4 / 9, rel=0.1)
    assert said == ["S1 says how high the rates of all places are, and its range is assumed."]
    anchors, said = _anchors(["S0", "S1"], places, None, {}, 1)
    assert anchors == []
    assert said[0].startswith("S1: the rate of a year is not known")
    assert _anchors(["S0"], places, None, {}, 1) == ([], [])
