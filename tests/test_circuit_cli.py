"""The circuit as a user calls it: `darkfigure circuit`."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from darkfigure.circuit.bootstrap import bootstrap
from darkfigure.circuit.intervals import profile
from darkfigure.circuit.multistate import fit
from darkfigure.circuit.selection import models
from darkfigure.circuit.sightings import read_histories
from darkfigure.circuit.simulation import simulate
from darkfigure.cli import main
from darkfigure.tables import sheets

CITIES = ("Reno", "Sacramento", "Oakland")
MONTHS = tuple(f"2024-{month:02}" for month in range(1, 9))


def run(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["darkfigure", "circuit", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    told = capsys.readouterr()
    return ended.value.code or 0, told.out, told.err


def histories(folder: Path, *more: tuple[str, ...]) -> Path:
    """A made-up region as a table of histories."""
    moves = [[0.8, 0.2, 0.0], [0.1, 0.8, 0.1], [0.0, 0.2, 0.8]]
    enter = np.full((8, 3), 0.7 / 21)
    enter[0] = 0.1
    made = simulate(CITIES, MONTHS, 900, enter, 0.85, moves, 0.4, seed=3).histories
    file = folder / "histories.csv"
    with file.open("w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow([*MONTHS, "freq"])
        for pattern, count in zip(made.patterns, made.freq, strict=True):
            writer.writerow([*(CITIES[c - 1] if c else 0 for c in pattern), count])
        writer.writerows(more)
    return file


def test_a_published_table_has_what_scripts_rely_on(monkeypatch, capsys):
    code, out, _ = run(monkeypatch, capsys, "dipper", "--group", "sex", "--json")
    told = json.loads(out)
    assert code == 0
    assert told["minus2loglik"] == pytest.approx(666.83766894, abs=0.01)
    assert told["parameters"] == 2
    assert told["not_estimable"] == []
    assert told["estimates"]["survival"][0]["estimate"] == pytest.approx(0.56021, abs=5e-4)
    assert told["estimates"]["survival"][0]["standard_error"] == pytest.approx(0.02513, abs=5e-4)


def test_with_entry_stock_and_flow_are_told_by_city_and_for_the_region(
    monkeypatch, capsys, tmp_path
):
    file = histories(tmp_path)
    options = ("--detection", "city", "--entry", "city", "--roads", "shipped", "--starts", "3")
    code, out, _ = run(monkeypatch, capsys, file, *options, "--json")
    told = json.loads(out)
    assert code == 0
    for what in ("stock", "flow"):
        assert set(told[what]["cities"]) == set(CITIES)
        for each in (told[what]["region"], *told[what]["cities"].values()):
            assert each["lower"] < each["estimate"] < each["upper"]
    assert told["flow"]["region"]["lower"] <= 900 <= told["flow"]["region"]["upper"]
    assert told["double_count"]["observed"]["naive"] > told["double_count"]["observed"]["seen"]
    assert {leg["highway"] for leg in told["corridors"]["legs"]} >= {"I-80"}


def test_several_models_are_put_in_order_and_the_rates_are_of_the_best(monkeypatch, capsys):
    options = ("dipper", "--group", "sex", "--starts", "3")
    several = ("--survival", "time,constant", "--detection", "constant, time")
    told = json.loads(run(monkeypatch, capsys, *options, *several, "--json")[1])
    h = read_histories(sheets.path("dipper"), groups=["sex"])
    wanted = models(h, ("time", "constant"), ("constant", "time"), starts=3)
    assert told["models"] == json.loads(json.dumps(wanted.rows()))
    assert told["models"][0]["survival"] == told["survival"] == "constant"
    assert told["aicc"] == told["models"][0]["aicc"] < told["models"][1]["aicc"]
    _, out, _ = run(monkeypatch, capsys, *options, *several)
    assert out.startswith(str(wanted))
    entry = ("--entry", "constant,time", "--json")
    rows = json.loads(run(monkeypatch, capsys, *options, *entry)[1])["models"]
    assert [row["entry"] for row in rows] == ["constant", "time"]
    one = json.loads(run(monkeypatch, capsys, *options, "--json")[1])
    assert "models" not in one
    code, _, err = run(monkeypatch, capsys, *options, "--survival", "constant,daily")
    assert code == 2
    assert "daily" in err


def test_limits_are_those_of_the_profile_or_of_replicates(monkeypatch, capsys):
    options = ("dipper", "--group", "sex", "--detection", "time", "--starts", "3", "--json")
    h = read_histories(sheets.path("dipper"), groups=["sex"])
    found = fit(h, detection="time", starts=3)
    told = {
        kind: json.loads(run(monkeypatch, capsys, *options, "--limits", kind, *more)[1])
        for kind, more in [("wald", ()), ("profile", ()), ("bootstrap", ("--replicates", "20"))]
    }
    made = bootstrap(h, found, replicates=20)
    rates = [each for each in found.estimates if each.parameter != "movement"]
    for i, each in enumerate(rates):
        shown = {
            kind: (it["estimates"]["survival"] + it["estimates"]["detection"])[i]
            for kind, it in told.items()
        }
        assert shown["wald"]["lower"] == each.lower
        assert (shown["profile"]["lower"], shown["profile"]["upper"]) == profile(h, found, each)
        replicate = next(one for one in made.estimates if one.name == each.name)
        assert shown["bootstrap"]["upper"] == replicate.upper
        assert len({it["estimate"] for it in shown.values()}) == 1
        assert len({it["standard_error"] for it in shown.values()}) == 1
    code, _, err = run(monkeypatch, capsys, *options, "--limits", "exact")
    assert code == 2
    assert "wald, profile or bootstrap" in err


def test_with_entry_replicates_give_limits_of_numbers_too(monkeypatch, capsys):
    options = ("dipper", "--entry", "time", "--starts", "3", "--json")
    wald, profiled, drawn = (
        json.loads(run(monkeypatch, capsys, *options, "--limits", *kind)[1])
        for kind in (["wald"], ["profile"], ["bootstrap", "--replicates", "60"])
    )
    first = [each["estimates"]["survival"][0] for each in (wald, profiled, drawn)]
    assert len({each["lower"] for each in first}) == 3
    assert profiled["flow"] == wald["flow"]  # the profile is of rates
    ours, theirs = drawn["flow"]["region"], wald["flow"]["region"]
    assert ours["estimate"] == theirs["estimate"]
    assert ours["lower"] >= 294  # seen
    assert (ours["lower"], ours["upper"]) == pytest.approx(
        (theirs["lower"], theirs["upper"]), rel=0.04
    )
    assert ours != theirs


def test_all_digits_of_one_s_own_people_are_never_for_publication(monkeypatch, capsys, tmp_path):
    file = histories(tmp_path)
    for few in ("1", "5"):
        options = ("--starts", "2", "--smallest-count", few)
        assert not json.loads(run(monkeypatch, capsys, file, *options, "--json")[1])[
            "for_publication"
        ]
        assert "stay inside" in run(monkeypatch, capsys, file, *options)[2]
    shipped = ("mstrata", "--starts", "1", "--json")
    assert json.loads(run(monkeypatch, capsys, *shipped)[1])["for_publication"]


def test_no_limits_are_told_of_a_hidden_rate(monkeypatch, capsys, tmp_path):
    file = histories(tmp_path)  # nobody goes from Reno to Oakland
    told = json.loads(
        run(monkeypatch, capsys, file, "--starts", "3", "--limits", "profile", "--json")[1]
    )
    rates = told["estimates"]["movement"]
    assert any(each["hidden"] for each in rates)
    for each in rates:
        assert (each["lower"] is None) == each["hidden"]
    assert not told["for_publication"]


def test_the_same_seed_gives_the_same_answer(monkeypatch, capsys, tmp_path):
    file = histories(tmp_path)
    first, again = (
        json.loads(run(monkeypatch, capsys, file, "--starts", "3", "--json")[1]) for _ in range(2)
    )
    assert {**first, "seconds": 0} == {**again, "seconds": 0}


def test_few_who_move_are_told_neither_in_json_nor_in_words(monkeypatch, capsys, tmp_path):
    alone = ("Reno", "Oakland", "Reno", "Oakland", "Reno", "Oakland", "Reno", "Oakland", 1)
    file = histories(tmp_path, alone)
    options = ("--roads", "shipped", "--starts", "2")
    told = json.loads(run(monkeypatch, capsys, file, *options, "--json")[1])
    between = {("Reno", "Oakland"), ("Oakland", "Reno")}
    rates = [e for e in told["estimates"]["movement"] if (e["city"], e["to"]) in between]
    assert len(rates) == 2
    assert all(each["hidden"] and each["estimate"] is None for each in rates)
    assert not between & {(flow["city"], flow["to"]) for flow in told["corridors"]["flows"]}
    assert any("is not shown" in sentence for sentence in told["hidden"])
    few = tmp_path / "few.csv"  # three people go nowhere from Reno but in this file
    few.write_text(
        "1,2,3,freq\nReno,Reno,Reno,40\nReno,0,Reno,9\nOakland,Oakland,0,50\n"
        "Oakland,0,Oakland,20\nSacramento,Sacramento,Sacramento,30\nSacramento,Oakland,0,12\n"
        "Oakland,Sacramento,Sacramento,14\n"
    )
    some = json.loads(run(monkeypatch, capsys, few, "--entry", "constant", "--json")[1])
    assert not [each for each in some["warnings"] if "obody" in each]
    _, out, err = run(monkeypatch, capsys, file, *options)
    line = next(line for line in out.splitlines() if "from Reno to Oakland" in line)
    assert line.split()[-4:] == ["–"] * 4
    assert "Hidden:" in err


SIGHTINGS = "person,date,city\na,2024-01-03,Reno\nb,2024-02-05,Reno\n"
HISTORIES = "1,2,3,freq\nReno,Reno,0,50\nReno,Oakland,Oakland,20\nOakland,Reno,0,15\n"
IDS = "case no,1,2\n" + "".join(f"x{i},Reno,Oakland\n" for i in range(9))
LEGS = "city_a,city_b,hours\n"


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        (SIGHTINGS + "c,2999-01-01,Reno\n", (), "line 4, column 'date': The date is in the future"),
        (SIGHTINGS + "a,2024-01-03,Oakland\n", (), "in another city on the same day"),
        ("1,freq\nReno,5\n", (), "a single occasion"),
        (HISTORIES + "Reno,0,0,9,9\n", (), "longer than the 4 columns"),
        (HISTORIES, ("--roads", "roads.csv"), "The roads do not connect Oakland and Reno"),
        (HISTORIES, ("--roads", "none.csv"), "There is no such file"),
        (IDS, (), "column 'case no': This column is no occasion: it tells people or days"),
        (IDS.replace("case no", "person"), (), "column 'person': This column is no occasion"),
        (SIGHTINGS + "c,2024-03-05,reno\n", (), "differ in capitals or spaces only"),
        (
            SIGHTINGS.replace("city", "city,freq").replace("Reno", "Reno,4"),
            (),
            "one sighting of one",
        ),
        (HISTORIES, ("--movement", "gravity"), "needs roads"),
        (HISTORIES, ("--survival", "sometimes"), "The survival is one of"),
        (HISTORIES, ("--every", "fortnight"), "An occasion is a week"),
        (HISTORIES, ("--smallest-count", "1000"), "fewer than 1000 people in all"),
        (HISTORIES, ("--covariates", "roads.csv"), "Expected: a column 'city'"),
        ("", (), "The file is empty"),
        (HISTORIES, ("--survival", "constant,,time"), "A kind of survival is empty"),
        (HISTORIES, ("--several", "first"), "the columns of this file are its occasions already"),
        (HISTORIES, ("--cities", "Reno, Fresno"), "none of the cities 'Reno', 'Fresno'"),
        (SIGHTINGS, ("--group", "person"), "Groups are of histories"),
        ("1,2\nReno,Reno\nReno,0\n", ("--roads", "shipped"), "leave out --roads"),
    ],
)
def test_a_wrong_call_ends_with_2_and_one_sentence(
    text, options, says, monkeypatch, capsys, tmp_path
):
    monkeypatch.chdir(tmp_path)
    Path("given.csv").write_text(text)
    Path("roads.csv").write_text(LEGS + "Reno,Truckee,1\nOakland,Vallejo,0.5\n")
    code, out, err = run(monkeypatch, capsys, "given.csv", *options)
    assert (code, out) == (2, "")
    assert says in err


def test_a_name_that_is_neither_file_nor_table_is_told(monkeypatch, capsys):
    code, _, err = run(monkeypatch, capsys, "nowhere")
    assert code == 2
    assert "no published table of this name" in err


def test_nobody_seen_again_ends_with_1(monkeypatch, capsys, tmp_path):
    file = tmp_path / "once.csv"
    file.write_text("1,2,freq\nReno,0,50\n0,Reno,20\n")
    code, _, err = run(monkeypatch, capsys, file)
    assert code == 1
    assert "None of the 70 people was seen on more than one occasion" in err
