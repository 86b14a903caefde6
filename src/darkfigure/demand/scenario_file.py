"""A scenario from its TOML file, with what other files say of its groups and its movement."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any

import numpy as np

from darkfigure.demand.distributions import cited
from darkfigure.demand.market import GROUPS, PARAMETERS
from darkfigure.demand.scenario import LEVEL, PER, City, Group, Movement, Scenario
from darkfigure.errors import InputError, Problem
from darkfigure.settings import line_of, read

LEAST_PER = 0.01
OF_MANY = 10_000
"""What buyers are multiplied by from so many on is people, of whom a share is given."""


def load(path: str | Path) -> Scenario:
    """Read a scenario, or say everything that is wrong with it at once.

    Parameters
    ----------
    path : str or Path
        A TOML file. Files named in it are sought beside it.

    Raises
    ------
    InputError
        One problem for each thing wrong, with its line: no citation, an unknown parameter, groups
        or hours that are negative, hours that do not add up, movement that does not add up to one.
    """
    given = read(path, Scenario)
    if given.settings is None:
        raise InputError(given.problems)
    scenario = given.settings
    problems: list[Problem] = []

    def wrong(told: str, *where: str) -> None:
        problems.append(Problem(told, file=str(path), line=line_of(where, given.text)))

    failed: set[tuple[str, str]] = set()
    for city, one in scenario.cities.items():
        for group in (*GROUPS, PER):
            size: Group | None = getattr(one, group)
            if size is None or size.file is None:
                continue
            try:
                found = _from_file(Path(path).parent, size)
            except InputError as error:
                wrong(error.problems[0].message, "cities", city, group, "file")
                failed.add((city, group))
                continue
            one = one.model_copy(update={group: found})
        scenario.cities[city] = one
    for city, one in scenario.cities.items():
        for group in (*GROUPS, PER):
            size = getattr(one, group)
            if size is None or size.same_as is None or (size.same_as, group) in failed:
                continue
            other: City | None = scenario.cities.get(size.same_as)
            like: Group | None = getattr(other, group) if other else None
            if like is None or like.elsewhere:
                told = f"{group} in {city} are to be the same as in '{size.same_as}', where there "
                wrong(f"{told}is no distribution of them.", "cities", city, group, "same_as")
                continue
            kept = {key: getattr(size, key) for key in ("source", "grade", "assumption", "same_as")}
            kept["times"] = size.times
            one = one.model_copy(update={group: like.model_copy(update=kept)})
        scenario.cities[city] = one
    if not problems:
        _check(scenario, wrong)
    if scenario.movement is not None and not problems:
        try:
            scenario = scenario.model_copy(update={"movement": _movement(scenario, Path(path))})
        except InputError as error:
            wrong(error.problems[0].message, "movement", "file")
        else:
            _check_movement(scenario, wrong)
    if problems:
        raise InputError(problems)
    return scenario


def _check(scenario: Scenario, wrong: Any) -> None:
    """What no section can see by itself."""
    if not scenario.cities:
        wrong("There is no city; give at least one as [cities.NAME].", "cities")
    for name in scenario.parameters:
        if name not in PARAMETERS:
            near = difflib.get_close_matches(name, PARAMETERS, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            wrong(f"There is no parameter '{name}'.{hint}", "parameters", name)
    missing = [name for name in PARAMETERS if name not in scenario.parameters]
    if missing:
        wrong(
            f"These parameters are missing: {', '.join(missing)}. Each is given, if need be as an "
            "assumption: nothing is assumed unsaid.",
            "parameters",
        )
        return
    for name, each in PARAMETERS.items():
        low, high = scenario.parameters[name].support
        if low < each.low or high > each.high:
            limits = f"{each.low:g}" if np.isinf(each.high) else f"{each.low:g} and {each.high:g}"
            must = "be at least" if np.isinf(each.high) else "lie between"
            wrong(
                f"parameters.{name} runs from {low:g} to {high:g}; {each.words}, in {each.unit}, "
                f"must {must} {limits}.",
                "parameters",
                name,
            )
    for city, one in scenario.cities.items():
        for group in (*GROUPS, PER):
            size: Group | None = getattr(one, group)
            if size is None:
                continue
            low, high = size.support
            if low < 0:
                told = f"{group} in {city} run from {low:g}; nobody is less than none"
                wrong(f"{told}.", "cities", city, group)
            if group == PER and low < LEAST_PER:
                told = f"{PER} in {city} runs from {low:g}; {LEAST_PER:g} is the least"
                wrong(f"{told}.", "cities", city, group)
            share = group == "buyers" and size.times >= OF_MANY and size.same_as is None
            if share and high > 1 and not (low >= 0.5 and high <= 2):  # nor a correction of a count
                told = f"{group} in {city} is a share of {size.times:,.0f} people, and runs to "
                wrong(f"{told}{high:g}; a share is 1 at most.", "cities", city, group)
        if not cited(one.hours.source):
            told = f"The hours of {city} have no citation; say in 'source' where they come from."
            wrong(told, "cities", city, "hours")
        today, then = sum(one.hours.today.numbers), sum(one.hours.then.numbers)
        if abs(today - then) > 1e-6 * max(1.0, today) and not scenario.more_hours:
            wrong(
                f"Hours in {city} do not add up: {today:,.6g} a year today, {then:,.6g} after the "
                "shift. Move hours, or set more_hours = true, and the page tells what they cost.",
                "cities",
                city,
                "hours",
                "shifted",
            )


def _check_movement(scenario: Scenario, wrong: Any) -> None:
    assert scenario.movement is not None
    rows = scenario.movement.rows
    if set(rows) != set(scenario.cities):
        told = f"Movement needs one row for each of {', '.join(scenario.cities)}, and no other."
        wrong(told, "movement", "rows")
        return
    for city, row in rows.items():
        where = ("movement", "rows", city)
        strange = [name for name in row if name not in rows]
        if strange:
            wrong(f"Movement from {city} goes to {', '.join(strange)}, which is no city.", *where)
        if any(chance < 0 for chance in row.values()):
            wrong(f"Movement from {city} has a chance below zero.", *where)
        if abs(sum(row.values()) - 1) > 1e-6:
            wrong(
                f"Movement from {city} adds up to {sum(row.values()):g}, not to one: a row says "
                f"where its people are a month later, {city} itself among it.",
                *where,
            )


def _json(folder: Path, name: str) -> Any:
    try:
        return json.loads((folder / name).read_text(encoding="utf-8"))
    except OSError:
        raise InputError(f"There is no file '{name}' beside the scenario.") from None
    except ValueError:
        raise InputError(f"'{name}' is not JSON; give the one that darkfigure wrote.") from None


def _from_file(folder: Path, size: Group) -> Group:
    """The group with the distribution that a file gives: log-normal by estimate and limits."""
    told = _json(folder, str(size.file))
    try:
        if "cities" in told:
            cities = {each["name"]: each["stock"] for each in told["cities"]}
            if size.city not in cities:
                named = f"has no city '{size.city}'" if size.city else "is of several cities"
                there = ", ".join(f"'{name}'" for name in cities)
                raise InputError(f"'{size.file}' {named}; name one in 'city': {there}.")
            amount = cities[size.city] or {"estimate": None, "lower": None, "upper": None}
            middle = amount["estimate"]
        else:
            amount, middle = told, told["total"]
            if told.get("lower_bound") is True or told.get("usable") is False:
                raise InputError(
                    f"'{size.file}' holds no estimate but a lower bound, or none at all; give the "
                    "answer of a method that estimates how many there are."
                )
        limits = [amount["lower"], middle, amount["upper"]]
        level = float(told["level"])
        lower, middle, upper = (None if each is None else float(each) for each in limits)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise InputError(
            f"'{size.file}' is neither what darkfigure size, demand people or a study wrote "
            "(estimate.json) nor the circuit.json of a study of people who move."
        ) from None
    if not (middle and lower and upper and lower < middle < upper):
        raise InputError(f"The number in '{size.file}' has no range, or may not be shown.")
    if abs(level - LEVEL) > 1e-9:
        raise InputError(f"The limits in '{size.file}' are at {100 * level:g} %; 95 % are needed.")
    warned = [str(each) for each in told.get("warnings") or ()]
    numbers = {"median": middle, "lower": lower, "upper": upper}
    kind = {"file": None, "city": None, "distribution": "lognormal", "warnings": warned}
    return size.model_copy(update={**kind, **numbers})


def _movement(scenario: Scenario, path: Path) -> Movement:
    """Movement with its rows, read from a study of people who move where it names one."""
    movement = scenario.movement
    assert movement is not None
    if movement.file is None:
        return movement
    told = _json(path.parent, movement.file)
    try:
        if told["occasion"] != "month":
            raise InputError(
                f"'{movement.file}' moves by the {told['occasion']}, not by the month."
            )
        found = told["fit"]["estimates"]["movement"]
        rows: dict[str, dict[str, float]] = {city: {} for city in scenario.cities}
        there = {each["city"] for each in found}
        if lost := [city for city in rows if city not in there]:
            raise InputError(
                f"'{movement.file}' says nothing of {', '.join(lost)}; its cities are "
                f"{', '.join(sorted(there))}. Call them alike, or give 'rows'."
            )
        away = dict.fromkeys(rows, 0.0)
        for each in found:
            if each["city"] in rows and each["to"] not in rows:
                away[each["city"]] += float(each["estimate"] or 0.0)
            if each["city"] in rows and each["to"] in rows:
                if each["estimate"] is None or each["occasion"]:
                    raise InputError(
                        f"Movement from {each['city']} to {each['to']} may not be shown or changes "
                        f"over time in '{movement.file}'; give 'rows'."
                    )
                rows[each["city"]][each["to"]] = float(each["estimate"])
    except (KeyError, TypeError, ValueError):
        raise InputError(f"'{movement.file}' is no circuit.json of darkfigure.") from None
    for city, row in rows.items():
        row[city] = 1.0 - sum(chance for to, chance in row.items() if to != city)
    warned = [
        f"In '{movement.file}' {share:.1%} of those in {city} go to cities that are not in this "
        "scenario in a month; here they are taken to stay."
        for city, share in away.items()
        if share > 0
    ]
    return movement.model_copy(update={"rows": rows, "warnings": warned})
