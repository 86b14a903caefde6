"""A scenario: what is refused, what it comes to, and that it comes to the same again."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from darkfigure.cli import main
from darkfigure.demand import people, read_counts
from darkfigure.demand.distributions import Unknown
from darkfigure.demand.scenario import Scenario, drawn
from darkfigure.demand.scenario_file import load
from darkfigure.demand.shift import HELPS, OUTCOMES, Outcome, run
from darkfigure.errors import InputError

EXAMPLE = Path(__file__).parents[1] / "examples/focus-on-demand/scenario.toml"
SMALL = ("draws = 10_000", "draws = 400\nsobol_runs = 256"), ("years = 10", "years = 3")


def text(*changes: tuple[str, str]) -> str:
    """The example, small, with changes."""
    found = EXAMPLE.read_text("utf-8")
    for old, new in (*SMALL, *changes):
        assert old in found, old
        found = found.replace(old, new, 1)
    return found


def scenario(folder: Path, *changes: tuple[str, str]) -> Scenario:
    file = folder / "scenario.toml"
    file.write_text(text(*changes), "utf-8")
    return load(file)


def refused(folder: Path, *changes: tuple[str, str]) -> str:
    with pytest.raises(InputError) as error:
        scenario(folder, *changes)
    return str(error.value).replace(str(folder), "")


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return run(scenario(tmp_path_factory.mktemp("demand")))


@pytest.mark.parametrize(
    ("given", "law"),
    [
        ({"distribution": "uniform", "low": 2, "high": 5}, stats.uniform(2, 3)),
        ({"distribution": "loguniform", "low": 0.5, "high": 50}, stats.loguniform(0.5, 50)),
        (
            {"distribution": "triangular", "low": 1, "mode": 2, "high": 5},
            stats.triang(0.25, loc=1, scale=4),
        ),
        ({"distribution": "normal", "mean": 3, "sd": 2}, stats.norm(3, 2)),
        (
            {"distribution": "lognormal", "median": 10, "lower": 5, "upper": 20},
            stats.lognorm(np.log(2) / stats.norm.ppf(0.975), scale=10),
        ),
    ],
)
def test_distributions_are_those_they_are_called(given: dict[str, Any], law: Any) -> None:
    some = Unknown(**given, source="Seen", grade="A")
    u = np.linspace(0.001, 0.999, 99)
    assert some.quantile(u) == pytest.approx(law.ppf(u), rel=1e-9)
    assert some.range == pytest.approx(law.ppf([0.025, 0.975]))


def test_limits_that_are_given_are_kept() -> None:
    skew = Unknown(distribution="lognormal", median=10, lower=8, upper=30, source="Seen", grade="A")
    assert skew.quantile([0.025, 0.5, 0.975]).tolist() == pytest.approx([8, 10, 30])
    for low, high in ((0.05, 0.5), (0.9, 0.99), (0.2, 0.25)):
        beta = Unknown(distribution="beta", lower=low, upper=high, source="Seen", grade="B")
        assert beta.range == pytest.approx((low, high), rel=1e-4)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"value": 1, "grade": "A"}, "no citation"),
        ({"value": 1, "grade": "A", "source": "  "}, "no citation"),
        ({"value": 1, "source": "Seen"}, "give its grade"),
        ({"value": 1, "source": "Seen", "grade": "C"}, "grade C is recalled"),
        (
            {"distribution": "uniform", "low": 1, "source": "Seen", "grade": "A"},
            "'low', 'high' alone",
        ),
        (
            {"distribution": "uniform", "low": 2, "high": 1, "source": "Seen", "grade": "A"},
            "go up from the lowest",
        ),
        (
            {"distribution": "loguniform", "low": 0, "high": 1, "source": "Seen", "grade": "A"},
            "more than zero",
        ),
        (
            {
                "distribution": "beta",
                "lower": 0.5,
                "upper": 1.5,
                "source": "Seen",
                "grade": "A",
            },
            "between 0 and 1",
        ),
        (
            {"distribution": "normal", "mean": 0, "sd": 0, "source": "Seen", "grade": "A"},
            "'sd'",
        ),
    ],
)
def test_what_no_distribution_may_be(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Unknown(**given)


def test_what_is_recalled_is_shown_as_an_assumption() -> None:
    assert Unknown(value=1, source="Seen", grade="C", assumption=True).shown_grade == "assumption"


REFUSED = [
    # A distribution without a citation, with its line.
    (('source = "No study follows arrested buyers long enough."', ""), "no citation"),
    (("assumption = true", ""), "grade C is recalled"),
    (("[parameters.stay]", "[parameters.stey]"), "no parameter 'stey'. Did you mean 'stay'?"),
    (("[parameters.stay]", "[parameters.stey]"), "These parameters are missing: stay"),
    (("high = 0.8", "high = 1.8"), "must lie between 0 and 1"),
    (("buyers = 2_000, traffickers = 2_000", "buyers = 2_500, traffickers = 2_000"), None),
    (("exploited = 2_400", "exploited = -2_400"), "greater than or equal to 0"),
    (("lower = 9_000", "lower = -9_000"), "must be more than zero"),
    (('"River County" = 0.02 }', '"River County" = 0.03 }'), "adds up to 1.01, not to one"),
    (('"River County" = 0.02 }', "Reno = 0.02 }"), "goes to Reno, which is no city"),
    (('"Capital County" = 0.98', '"Capital County" = 1.1'), "adds up to 1.12"),
    (('same_as = "Capital County"', 'same_as = "Reno"'), "where there is no distribution"),
    (('source = "No study follows arrested buyers long enough."', 'source = "."'), "no citation"),
    (("median = 4.5\nlower = 2.5", "median = 0.004\nlower = 0.002"), "0.01 is the least"),
    (("high = 0.062", "high = 62"), "is a share of 590,000 people, and runs to 62"),
    (("low = 0.01\nhigh = 0.062", "low = 1\nhigh = 6.2"), "runs to 6.2; a share is 1 at most"),
    (("years = 3", "yeers = 3"), "There is no setting 'yeers'. Did you mean 'years'?"),
    (('source = "Made up: no published', 'sauce = "Made up: no published'), "sauce"),
]


@pytest.mark.parametrize(("change", "said"), REFUSED)
def test_what_is_wrong_is_said_with_its_line(
    tmp_path: Path, change: tuple[str, str], said: str | None
) -> None:
    told = refused(tmp_path, change)
    assert (
        said or "Hours in Capital County do not add up: 4,000 a year today, 4,500 after"
    ) in told
    number = int(told.split("line ")[1].split(":")[0])
    lines = (tmp_path / "scenario.toml").read_text().splitlines()
    section = max((i for i in range(number) if lines[i].startswith("[")), default=-1)
    changed = next((i for i, each in enumerate(lines) if change[1] and change[1] in each), None)
    if changed is not None and changed != number - 1:
        assert section == max((i for i in range(changed) if lines[i].startswith("[")), default=-1)


def test_more_hours_may_be_asked_for_and_are_said(tmp_path: Path) -> None:
    more = scenario(
        tmp_path,
        ("seed = 1", "seed = 1\nmore_hours = true"),
        ("buyers = 2_000, traffickers = 2_000", "buyers = 2_500, traffickers = 2_000"),
        ("sobol_runs = 256", "sobol_runs = 0"),
    )
    told = run(more).told()
    assert any("500 hours a year more" in said for said in told["warnings"])
    assert told["sobol"] == []


def test_groups_may_come_from_size_and_circuit(tmp_path: Path) -> None:
    estimate = {"total": 5000.0, "lower": 4000.0, "upper": 7000.0, "level": 0.95}
    (tmp_path / "estimate.json").write_text(json.dumps(estimate))
    amount = {"estimate": 380.0, "lower": 340.0, "upper": 440.0}
    moves = [
        {"city": a, "to": b, "estimate": p, "occasion": None}
        for a, b, p in (
            ("Capital County", "River County", 0.1),
            ("River County", "Capital County", 0.2),
        )
    ]
    circuit = {
        "level": 0.95,
        "occasion": "month",
        "cities": [{"name": "Reno", "stock": amount}, {"name": "Oakland", "stock": None}],
        "fit": {"estimates": {"movement": moves}},
    }
    (tmp_path / "circuit.json").write_text(json.dumps(circuit))
    exploited = 'distribution = "lognormal"\nmedian = 13_079\nlower = 9_000\nupper = 19_000\n'
    found = scenario(tmp_path, (exploited, 'file = "estimate.json"\n'))
    assert found.cities["Capital County"].exploited.range == pytest.approx((4000, 7000))
    assert found.cities["Capital County"].exploited.flow_years == 6
    found = scenario(tmp_path, (exploited, 'file = "circuit.json"\ncity = "Reno"\n'))
    assert found.cities["Capital County"].exploited.middle == pytest.approx(380)
    for city, said in (("Oakland", "has no range"), ("Davis", "has no city 'Davis'; name one")):
        told = refused(tmp_path, (exploited, f'file = "circuit.json"\ncity = "{city}"\n'))
        assert said in told
    told = refused(tmp_path, (exploited, 'file = "gone.json"\n'))
    assert "no file 'gone.json'" in told
    assert "the same as in" not in told, "River County, which has the same number, is not to blame"
    rows = text()[text().index("[movement.rows]") : text().index("[parameters.stay]")]
    found = scenario(tmp_path, (rows, 'file = "circuit.json"\n'))
    assert found.matrix == pytest.approx(np.array([[0.9, 0.1], [0.2, 0.8]]))
    moves.append({"city": "Capital County", "to": "Davis", "estimate": 0.05, "occasion": None})
    (tmp_path / "circuit.json").write_text(json.dumps(circuit))
    found = scenario(tmp_path, (rows, 'file = "circuit.json"\n'))
    assert any("5.0% of those in Capital County go to" in said for said in run(found).warnings())
    for name in ("Davis", "city", "0.x"):
        odd: Any = json.loads(json.dumps(circuit))
        for each in odd["fit"]["estimates"]["movement"]:
            if name == "Davis":
                each["city"] = each["city"].replace("River County", "Elsewhere")
            elif name == "city":
                del each["city"]
            else:
                each["estimate"] = name
        (tmp_path / "circuit.json").write_text(json.dumps(odd))
        said = refused(tmp_path, (rows, 'file = "circuit.json"\n'))
        assert ("says nothing of River County" if name == "Davis" else "is no circuit.json") in said


def test_buyers_may_come_from_one_list_but_not_a_lower_bound(tmp_path: Path) -> None:
    """As `demand people --json` prints it, with its warnings, and never a bound as an estimate."""
    given = 'distribution = "loguniform"\nlow = 0.01\nhigh = 0.062\ntimes = 590_000\n'
    change = given, 'file = "buyers.json"\n'
    for family in ("ztgeom", "chao", "strange"):
        counts = read_counts("netherlands-immigrants-1995")
        found = people(counts, "ztpoisson" if family == "strange" else family)
        told = found.to_dict()
        written = {**told.pop("details"), **told}
        if family == "strange":
            written["level"] = "x"
        (tmp_path / "buyers.json").write_text(json.dumps(written, default=float))
        if family == "ztgeom":
            some = scenario(tmp_path, change)
            assert some.cities["Capital County"].buyers.middle == pytest.approx(found.total)
            assert found.warnings
            said = run(some).warnings()
            for warning in found.warnings:
                assert f"Of buyers in Capital County, the file says: {warning}" in said
        else:
            said = refused(tmp_path, change)
            assert ("lower bound" if family == "chao" else "neither what darkfigure") in said


def test_what_is_silently_without_effect_or_cut_is_said(tmp_path: Path) -> None:
    moves = text()[text().index("[movement]") : text().index("[parameters.stay]")]
    said = run(scenario(tmp_path, (moves, ""))).warnings()
    assert any("nothing is displaced" in each for each in said)
    wide = (
        'distribution = "beta"\nlower = 0.05\nupper = 0.5',
        ('distribution = "lognormal"\nmedian = 0.25\nlower = 0.1\nupper = 1.0'),
    )
    said = run(scenario(tmp_path, wide)).warnings()
    assert any("lie beyond what it can be" in each and "visible" in each for each in said)
    small = ("times = 0.42", "times = 0.01")
    said = run(scenario(tmp_path, small)).warnings()
    assert any("fills up in both cases" in each and "River County" in each for each in said)
    plain = run(scenario(tmp_path)).warnings()
    for words in ("displaced", "lie beyond", "fills up", "the file says"):
        assert not any(words in each for each in plain)


def test_a_flow_is_turned_to_a_stock_by_the_stay_drawn_with_it(tmp_path: Path) -> None:
    some = scenario(tmp_path)
    free = [each.name for each in some.unknowns() if each.free]
    shares = np.random.default_rng(1).random((50, len(free)))
    parameters, sizes = drawn(some, shares)
    flow = some.cities["Capital County"].exploited.quantile(
        shares[:, free.index("Capital County: exploited")]
    )
    assert sizes[:, 0, 0] == pytest.approx(flow / (1 + 6 / parameters["stay"]))
    assert sizes[:, 1, 0] == pytest.approx(0.42 * sizes[:, 0, 0])
    assert sizes[:, 1, 1] / 250_000 == pytest.approx(sizes[:, 0, 1] / 590_000)
    per = some.cities["Capital County"].exploited_per_trafficker
    assert per is not None
    has = per.quantile(shares[:, free.index("Capital County: exploited_per_trafficker")])
    assert sizes[:, 0, 2] == pytest.approx(sizes[:, 0, 0] * parameters["controlled"] / has)


def test_the_same_hours_make_no_difference_at_all(tmp_path: Path) -> None:
    shifted = "shifted = { exploited = 0, buyers = 2_000, traffickers = 2_000 }"
    same = run(scenario(tmp_path, (shifted, "")))
    for name in OUTCOMES:
        assert not same.difference(name).any()
    told = same.told()
    assert all(each["probability_same"] == 1 for each in told["outcomes"])
    assert all(each["probability_helps"] == 0 for each in told["outcomes"])
    assert all(each["values"] == [] for each in told["break_even"])
    assert all(each["total"] == 0 for each in told["sobol"])
    assert any("changes nothing" in said for said in told["warnings"])


def test_the_numbers_are_the_same_on_any_number_of_cores(tmp_path: Path) -> None:
    some = scenario(tmp_path)
    one, four = (run(some, workers=each).told() for each in (1, 4))
    assert one == four
    other = run(some.model_copy(update={"seed": 2})).told()
    assert other["outcomes"] != one["outcomes"]


def test_what_the_example_comes_to(outcome: Outcome) -> None:
    told = outcome.told()
    by = {each["name"]: each for each in told["outcomes"]}
    assert by["arrests_exploited"]["difference"]["upper"] < 0
    assert by["arrests_exploited"]["probability_helps"] == 1
    assert by["arrests_buyers"]["difference"]["lower"] > 0
    assert 0.1 < by["exploited_person_years"]["probability_helps"] < 0.9
    assert by["exploited_person_years"]["difference"]["lower"] < 0
    assert by["exploited_person_years"]["difference"]["upper"] > 0
    for each in by.values():
        assert each["difference"]["mean"] == pytest.approx(
            each["shifted"]["mean"] - each["today"]["mean"], abs=1e-6 * abs(each["today"]["mean"])
        )
    for name in OUTCOMES:
        cities = [e["difference"]["mean"] for e in told["by_city"] if e["outcome"] == name]
        assert sum(cities) == pytest.approx(by[name]["difference"]["mean"], rel=1e-9, abs=1e-9)


def test_one_effort_alone_decides_how_many_are_arrested(outcome: Outcome) -> None:
    found = {
        each["unknown"]: each["total"]
        for each in outcome.told()["sobol"]
        if each["outcome"] == "arrests_exploited"
    }
    assert max(found, key=lambda name: found[name]) == "hours_per_exploited_arrest"
    assert found["cost_per_hour"] == 0


def test_a_break_even_is_where_the_mean_difference_is_zero(tmp_path: Path) -> None:
    """Harm against the harm of an arrest: held there, the mean is near zero."""
    many = [("draws = 400", "draws = 3000"), ("sobol_runs = 256", "sobol_runs = 0")]
    found = next(
        each
        for each in run(scenario(tmp_path, *many)).told()["break_even"]
        if (each["unknown"], each["outcome"]) == ("harm_of_arrest", "harm")
    )
    assert len(found["values"]) == 1
    old = 'distribution = "loguniform"\nlow = 0.02\nhigh = 1\n'

    def mean(value: float) -> float:
        held = run(scenario(tmp_path, *many, (old, f"value = {value}\n")))
        return float(held.difference("harm").mean())

    low, high = mean(found["lower"]), mean(found["upper"])
    assert low > 0 > high
    assert abs(mean(found["values"][0])) < 0.15 * (low - high)


def test_every_number_is_told_with_its_source_and_grade(outcome: Outcome) -> None:
    told = outcome.told()
    assert len(told["assumptions"]) == len(list(outcome.scenario.unknowns()))
    assert all(each["source"].strip() for each in told["assumptions"])
    assert {each["grade"] for each in told["assumptions"]} == {"A", "B", "assumption"}
    assert set(told["probabilities"]) == set(HELPS)


def test_json_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scenario(tmp_path)
    argv = ["darkfigure", "demand", "scenario", str(tmp_path / "scenario.toml"), "--json"]
    monkeypatch.setattr(sys, "argv", argv)
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code
    told = json.loads(capsys.readouterr().out)
    for key in ("outcomes", "probabilities", "break_even", "sobol", "assumptions", "warnings"):
        assert told[key]
    assert told["seed"] == 1
    assert {"today", "shifted", "difference"} <= set(told["outcomes"][0])
    assert [each.name for each in tmp_path.iterdir()] == ["scenario.toml"]
