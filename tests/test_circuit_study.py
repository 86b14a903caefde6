"""A study of people who move, from sightings or from agencies' own lists to its page."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from darkfigure.circuit.shown import two_digits
from darkfigure.circuit.simulation import simulate
from darkfigure.circuit_study import load
from darkfigure.cli import main
from darkfigure.demand.scenario_file import load as load_scenario
from darkfigure.errors import InputError
from darkfigure.passing_through import circuit_study
from darkfigure.steps import default_folder

CITIES = ("Sacramento", "Oakland", "Reno")
MONTHS = tuple(f"2024-{month:02}" for month in range(1, 7))
STUDY = """title = "Who is passing through?"
people = "made-up people"
region = "three cities"
period = "the first half of 2024"
focus = "Reno"
synthetic = true
{sightings}
[cities]
Sacramento = {{}}
Oakland = {{}}
Reno = {{ population = 260_000 }}
[roads]
[model]
entry = "city"
starts = 2
"""
FILE = '[sightings]\nfile = "seen.csv"\nstart = 2024-01-01\nend = 2024-06-30'


def region(alone: bool = False) -> list[tuple[str, str, str]]:
    """Sightings of made-up people, of whom nobody goes from Oakland to Reno or back."""
    moves = [[0.8, 0.12, 0.08], [0.2, 0.8, 0.0], [0.2, 0.0, 0.8]]
    enter = np.full((6, 3), 0.6 / 15)
    enter[0] = 0.4 / 3
    made = simulate(CITIES, MONTHS, 700, enter, 0.85, moves, 0.45, seed=5).histories
    people = np.repeat(made.patterns, made.freq, axis=0)
    skip = (people == 2).any(axis=1) & (people == 3).any(
        axis=1
    )  # seen in both, by way of the third
    people = people[~skip]
    last = [2, 3, 2, 3, 2, 3] if alone else [2, 2, 2, 2, 2, 2]
    rows = []
    for i, history in enumerate([*people, last]):
        for month, city in zip(MONTHS, history, strict=True):
            if city:
                rows.append((f"p{i:04}", f"{month}-15", CITIES[city - 1]))
    return rows


def write(folder: Path, rows: list[tuple[str, str, str]], sightings: str = FILE) -> Path:
    folder.mkdir(exist_ok=True)
    with (folder / "seen.csv").open("w", newline="") as out:
        csv.writer(out).writerows([("person", "date", "city"), *rows])
    file = folder / "study.toml"
    file.write_text(STUDY.format(sightings=sightings))
    return file


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """What is written where one person alone goes between two cities, and where nobody does."""
    top = tmp_path_factory.mktemp("circuit")
    found = {}
    for alone in (False, True):
        folder = top / f"{'alone' if alone else 'nobody'}"
        circuit_study(write(folder, region(alone)), folder / "out")
        found[alone] = folder / "out"
    return found


def form(told: object) -> object:
    """Which numbers are told, and not what they are."""
    if isinstance(told, dict):
        return {key: form(value) for key, value in told.items()}
    if isinstance(told, list):
        return [form(each) for each in told]
    return "number" if isinstance(told, int | float) and not isinstance(told, bool) else told


def test_of_one_person_alone_on_a_corridor_nothing_is_told(folders):
    nobody, alone = (json.loads((folders[each] / "circuit.json").read_text()) for each in (0, 1))
    ways = {("Oakland", "Reno"), ("Reno", "Oakland")}
    for told in (nobody, alone):
        assert told["corridors"]["flows"]
        assert not ways & {(each["city"], each["to"]) for each in told["corridors"]["flows"]}
        hidden = [e for e in told["fit"]["estimates"]["movement"] if (e["city"], e["to"]) in ways]
        assert all(each["hidden"] and each["estimate"] is None for each in hidden)
        assert told["fit"]["minus2loglik"] is None
    assert nobody["goodness"] == alone["goodness"]  # values too: with the rest known they tell
    assert all(each["statistic"] is None for each in alone["goodness"])
    parts = ("corridors", "hidden", "network", "cities", "region", "stock_by_occasion", "gravity")
    for part in (*parts, "models", "comparison"):
        assert form(nobody[part]) == form(alone[part]), part
    for told in (nobody, alone):  # a warning that names cities says what their numbers say
        stays = {each["name"]: each["stay"]["estimate"] for each in told["cities"]}
        short = ", ".join(name for name, stay in stays.items() if stay is not None and stay < 10)
        warned = [each.split(" for less than 10 occasions")[0] for each in told["warnings"]]
        assert warned == ([f"People stay in {short}"] if short else [])
    assert not [each for told in (nobody, alone) for each in told["warnings"] if "obody" in each]


def test_no_file_has_a_pseudonym_or_a_day(folders):
    written = [file for file in folders[True].rglob("*") if file.is_file()]
    assert {file.name for file in written} >= {"circuit.json", "report.html", "made.json"}
    for file in written:
        text = file.read_text(encoding="utf-8")
        assert "p0001" not in text, file
        assert "2024-03-15" not in text, file


def test_the_page_says_it_in_a_sentence_with_ranges(folders):
    text = (folders[True] / "report.html").read_text(encoding="utf-8")
    assert "SYNTHETIC" in text
    assert "are in Reno on a given day" in text
    for file in (folders[True] / "tables").glob("*.csv"):
        assert all("SYNTHETIC" in line or "made up" in line for line in file.open()), file


def test_one_step_of_one_person_is_told_by_no_statistic(tmp_path):
    """Ten people go from A to B, none of them or one on the first step: nothing is hidden then, for
    movement is of all steps together, but statistics and the likelihood are of each step."""
    told = []
    for first in (0, 1):
        rows = ["AAA,40", "AA0,25", "BBB,40", "BB0,12", "0BA,9", "BAA,7", "A0A,8", "B0B,8", "0AA,6",
                "00B,7", "00A,9", f"AB0,{first}", f"0AB,{10 - first}"]  # fmt: skip
        (tmp_path / "h.csv").write_text(
            "y2020,y2021,y2022,freq\n" + "".join(f"{','.join(row[:3])},{row[4:]}\n" for row in rows)
        )
        file = tmp_path / "study.toml"
        file.write_text(
            'title = "T"\npeople = "people"\nregion = "two cities"\nperiod = "2020 to 2022"\n'
            '[sightings]\nfile = "h.csv"\n[model]\nstarts = 2\n'
        )
        told.append(circuit_study(file, tmp_path / f"out{first}").told)
    assert told[0]["hidden"] == told[1]["hidden"] == []
    for each in told:
        assert each["occasion"] == "year"
        for key in ("minus2loglik", "aic", "aicc", "estimable", "found"):
            assert each["fit"][key] is None
        numbers = [{test[key] for key in ("statistic", "df", "p")} for test in each["goodness"]]
        assert numbers == [{None}] * len(numbers)
        rates = [rate["estimate"] for rate in each["fit"]["estimates"]["movement"]]
        assert rates == two_digits(rates)
    page = (tmp_path / "out1" / "report.html").read_text(encoding="utf-8")
    assert "-2 log L</dt><dd>not shown" in page
    assert "years" in page
    assert "month" not in page


def test_of_an_earlier_study_nothing_is_left_in_the_folder(tmp_path):
    file = write(tmp_path / "study", region())
    out = tmp_path / "out"
    circuit_study(file, out)
    assert (out / "tables" / "flows.csv").is_file()
    shared = tmp_path / "shared"
    circuit_study(file, shared)
    (out / "notes.txt").write_text("mine")
    file.write_text(file.read_text().replace("[roads]\n", "[disclosure]\nsmallest_count = 1\n"))
    told = circuit_study(file, out).told
    left = {each.name for each in out.rglob("*") if each.is_file()}
    assert "notes.txt" in left
    assert not left & {"flows.csv", "legs.csv"}
    assert left - {"notes.txt", "made.json"} == {
        Path(name).name for name in json.loads((out / "made.json").read_text())["files"]
    }
    assert any("not for publication" in each for each in told["warnings"])
    other = file.with_name("other.toml")  # another study does not take away what this one made
    other.write_text(file.read_text())
    circuit_study(other, shared)
    assert (shared / "tables" / "flows.csv").is_file()
    assert default_folder(other) != default_folder(file)
    file.write_text(file.read_text() + "\n")
    circuit_study(file, shared)  # though another one ran between
    assert not (shared / "tables" / "flows.csv").exists()
    (shared / "made.json").write_text('{"files": {"old.txt": "abc"}, "of other studies": [1]}')
    circuit_study(file, shared)
    assert json.loads((shared / "made.json").read_text())["command"].endswith("study.toml")


def test_a_scenario_takes_a_city_from_what_a_study_wrote(folders, tmp_path):
    told = Path("examples/focus-on-demand/scenario.toml").read_text(encoding="utf-8")
    given = 'distribution = "lognormal"\nmedian = 13_079\nlower = 9_000\nupper = 19_000\n'
    assert given in told
    made = folders[False] / "circuit.json"
    file = tmp_path / "scenario.toml"
    file.write_text(told.replace(given, f'file = "{made}"\ncity = "Reno"\n'), encoding="utf-8")
    stock = next(
        each["stock"] for each in json.loads(made.read_text())["cities"] if each["name"] == "Reno"
    )
    found = load_scenario(file).cities["Capital County"].exploited
    assert found.middle == pytest.approx(stock["estimate"])
    assert found.range == pytest.approx((stock["lower"], stock["upper"]))


def test_what_has_not_changed_is_not_done_again(folders, tmp_path, monkeypatch, capsys):
    folder = folders[False].parent
    again = circuit_study(folder / "study.toml", folder / "out")
    assert "circuit.json" in again.skipped
    assert "report.html" in again.skipped
    monkeypatch.setattr(sys, "argv", ["darkfigure", "run", str(folder / "study.toml"), "--out",
                                      str(folder / "out")])  # fmt: skip
    with pytest.raises(SystemExit) as ended:
        main()
    out = capsys.readouterr().out
    assert not ended.value.code
    assert out.startswith("SYNTHETIC")
    assert "all together" in out


LISTS = """[sightings]
start = 2024-01-01
end = 2024-06-30
[link]
draws = 2
[records.police]
file = "police.csv"
[records.police.strata]
city = "Town"
[records.shelter]
file = "shelter.csv"
city = "Oakland"
"""


def test_agencies_own_lists_are_linked_first(tmp_path):
    rng = np.random.default_rng(2)
    given = ["Ada", "Bea", "Cora", "Dina", "Edda", "Fina", "Gita", "Hana", "Ida", "Jana"]
    family = ["Abelo", "Brandt", "Cortez", "Duarte", "Elster", "Farkas", "Gomez", "Hadad"]
    police, shelter = [], []
    for i in range(220):
        born = f"19{80 + i % 20}-{1 + i % 12:02}-{1 + i % 28:02}"
        who = (given[i % 10] + given[(i // 10) % 10].lower(), family[i % 8], born, f"555{i:07}")
        city = int(rng.integers(3))
        for month in MONTHS:
            if rng.random() < 0.25:
                city = int(rng.integers(3))
            if rng.random() < 0.4:
                police.append(
                    (*who, f"{month}-{1 + int(rng.integers(27)):02}", CITIES[city].upper())
                )
            if city == 1 and rng.random() < 0.3:
                shelter.append((*who, f"{month}-28"))
    head = ("First name", "Last name", "DOB", "Phone", "Contact date")
    for name, rows, more in (("police", police, ("Town",)), ("shelter", shelter, ())):
        with (tmp_path / f"{name}.csv").open("w", newline="") as out:
            csv.writer(out).writerows([(*head, *more), *rows])
    file = tmp_path / "study.toml"
    file.write_text(STUDY.format(sightings=LISTS))
    told = circuit_study(file, tmp_path / "out").told
    assert 200 <= told["region"]["seen"] <= 225
    assert told["region"]["naive"] > told["region"]["seen"]
    assert any("Who is who was drawn 2 times" in each for each in told["warnings"])
    text = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "Abelo" not in text
    assert "Adaada" not in text


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ('[sightings]\nfile = "none.csv"', "line 8: There is no file 'none.csv' beside the study."),
        ("[sightings]", "give either a file of sightings"),
        (FILE.replace("every", "evry") + "\nevry = 3", "There is no setting 'sightings.evry'"),
        (LISTS.split("[records.shelter]")[0], "give 2 to 20 lists"),
        (FILE + '\nevery = "fortnight"', "sightings.every"),
    ],
)
def test_a_wrong_study_is_told_with_its_line(change, says, tmp_path):
    file = write(tmp_path, [], change)
    with pytest.raises(InputError) as refused:
        load(file)
    assert says in str(refused.value)


def test_whatever_hangs_on_the_model_the_rest_is_rounded_too(tmp_path):
    file = write(tmp_path, region(alone=True))
    file.write_text(
        file.read_text().replace('entry = "city"', 'entry = "city"\nmovement = "constant"')
    )
    told = circuit_study(file, tmp_path / "out").told
    assert told["hidden"]
    assert told["fit"]["minus2loglik"] is None
    rates = [each["estimate"] for kind in told["fit"]["estimates"].values() for each in kind]
    assert all(rate is None or rate == float(f"{rate:.1e}") for rate in rates)


def test_a_focus_where_nobody_was_seen_is_refused(tmp_path):
    rows = [row for row in region() if row[2] != "Reno"]
    file = write(tmp_path, rows)
    text = file.read_text().replace("[cities]\nSacramento = {}\nOakland = {}\n", "[cities]\n")
    file.write_text(text.split("[cities]")[0] + "[model]\nstarts = 2\n")
    with pytest.raises(InputError, match="focus names 'Reno', where nobody was seen"):
        circuit_study(file, tmp_path / "out")
