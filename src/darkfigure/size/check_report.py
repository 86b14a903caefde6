"""What `check` found, in words: findings by weight, a verdict, and a report for the terminal."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from darkfigure.size.alternatives import BARE_MENTION, WITHIN

if TYPE_CHECKING:
    from darkfigure.size.check import Cell, Check, Without
    from darkfigure.size.sensitivity import Sensitivity

MOVED, UPSET = 1.5, 3.0  # factors, as on the page: a range up to the first is narrow
FEW_SHARED = 30  # as on the page: with fewer people shared, each of them moves the total visibly
LOW_COVERAGE = 0.10  # as on the page: with fewer seen, the total is assumption more than people
ONE_PERSON = 0.05  # our judgement: a total that one person moves by a twentieth is not firm
MANY = 3  # as on the page: more serious findings than this weigh as much as a decisive one
CALM, SERIOUS, DECISIVE = 0, 1, 2

SHOWN = 10  # rows of a long table
WIDTH = 100
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
STAYS = "This report stays inside the coalition: small counts in it can be people."

Weighed = tuple[int, str]  # how serious a finding is, and its sentence


def findings(c: Check) -> Iterator[Weighed]:
    """All there is to say, each topic weighed once, so that none counts twice in the verdict."""
    alike = [one for one in c.best_models if one.bic_above_best <= BARE_MENTION]
    low, high = min(one.total for one in alike), max(one.total for one in alike)
    run = f"lie {alike[-1].bic_above_best:.1f} BIC apart and run from {_people(low)} to "
    said = f"The {_number(len(alike))} best models {run}{_people(high)} people" * (len(alike) > 1)
    if c.near.models > len(alike):
        those = f"{_number(c.near.models)}{'' if c.near.complete else ' or more'} models within "
        said += f"{'; the ' if said else 'The '}{those}{WITHIN:g} BIC of the best run from "
        said += f"{_people(c.near.lowest)} to {_people(c.near.highest)} people"
    if said:
        yield _weight(c.near.highest / c.near.lowest), f"{said}."
    if c.models == 1:
        yield SERIOUS, "There is only one model: nothing can check that the lists work apart."
    yield from _of_people(c)
    yield from _of_lists(c)
    yield from _of_what_no_data_tell(c)
    yield from ((DECISIVE, one.sentence) for one in c.refusals if one.rule != "few shared")
    if c.on_two_or_more < FEW_SHARED:
        few = f"People on two lists or more: only {_number(c.on_two_or_more)}"
        yield SERIOUS, f"{few}, and all that is known of the unseen comes from them."
    if pairs := c.pairs_sharing_nobody:
        named = f": {'; '.join(map(_names, pairs))}" if len(pairs) <= 4 else ""
        of = f"Pairs of lists that share nobody: {len(pairs)} of {math.comb(len(c.lists), 2)}"
        yield SERIOUS, f"{of}{named}. Look for missed matches."
    seen = c.observed / c.total
    weight = SERIOUS if seen < LOW_COVERAGE else CALM
    yield weight, f"The lists show {100 * seen:.2g} % of the people thought to exist."
    repeats = [one.certified for one in c.without_list + c.without_pair]
    unproven = [*repeats, *(one.certified for one in c.cells)].count(False)
    if unproven or not c.certified:
        of = f"{'' if c.certified else 'The total itself and '}{_number(unproven)} of the totals"
        early = f"{of} without something come from a search that ended early"
        yield (
            CALM if c.certified else SERIOUS,
            f"{early[0].upper()}{early[1:]}; better models may exist.",
        )


def _of_people(c: Check) -> Iterator[Weighed]:
    if lost := [_on(cell) for cell in c.cells if cell.total is None and cell.certified]:
        more = f" (the same for {len(lost) - 1} more combinations)" if len(lost) > 1 else ""
        yield DECISIVE, f"With one single person fewer {lost[0]} there is no estimate at all{more}."
    moving = [cell for cell in c.cells if cell.share is not None]
    if not moving:
        return
    first, most = moving[0], max(moving, key=lambda cell: abs(cell.change or 0.0))
    change, total = most.change or 0.0, most.total or c.total
    because = ", because another model would then be best" if most.model_changes else ""
    firm = abs(change) <= ONE_PERSON * c.total
    yield (
        CALM if firm else DECISIVE if _weight(total / c.total) else SERIOUS,
        f"One single person fewer {_on(most)} would move the total by {_people(abs(change))} "
        f"people, to {_people(total)}{because}.",
    )
    who = "one person" if first.people == 1 else f"{first.people:,} people"
    of = "Of all by which single people can move the total (the jackknife variance)"
    yield CALM, f"{of}, {100 * (first.share or 0.0):.0f} % comes from the {who} {_on(first)}."


def _of_lists(c: Check) -> Iterator[Weighed]:
    """One list fewer; two fewer may simply be too few, so that is told and weighs nothing."""
    for without, gone, ends in ((c.without_list, "list", SHOWN), (c.without_pair, "lists", 1)):
        far = sorted((one for one in without if one.total), key=_reach, reverse=True)[:ends]
        if far:
            moving = [one for one in far[1:] if _weight(one.ratio or 1.0)]
            others = [f"; without {_names(one.lists)} {_people(one.total)}" for one in moving]
            instead = f"{_people(far[0].total)} instead of {_people(c.total)}{''.join(others)}"
            said = f"Without the {gone} {_names(far[0].lists)} the total would be {instead}."
            yield _weight(far[0].ratio or 1.0) if gone == "list" else CALM, said
        if lost := [_names(one.lists) for one in without if one.total is None]:
            named = "; ".join(lost[:SHOWN]) + ("; …" if len(lost) > SHOWN else "")
            said = f"Nothing could be estimated without the {gone} {named}."
            yield SERIOUS if gone == "list" else CALM, said


def _of_what_no_data_tell(c: Check) -> Iterator[Weighed]:
    """True of every table, so it weighs nothing."""
    turns = {turn.what: turn.xi for turn in c.unknowable.turns}
    low, high = turns.get("the lower limit"), turns.get("the upper limit")
    if low is not None and high is not None:
        yield (
            CALM,
            "No data can tell the interaction of all lists together: with "
            f"{_times(low)} or {_times(high)} times as many people on no list as the dependence of "
            "fewer lists says, the total is outside its interval.",
        )


def verdict(c: Check, weighed: Sequence[Weighed]) -> str:
    """The grades of the page: no serious finding, up to three, more or a decisive one."""
    about = f"about {_people(max(c.observed, float(f'{c.total:.2g}')))} people"
    serious = sum(weight > CALM for weight, _ in weighed)
    if serious > MANY or any(weight == DECISIVE for weight, _ in weighed):
        return f"It can be estimated only as an order of magnitude ({about}): build nothing on it."
    if serious:
        return f"It can be estimated roughly ({about}): plan for a range, not for the number."
    return f"It can be estimated ({about}), and nothing tried speaks against it, which is no proof."


def _weight(factor: float) -> int:
    """How serious it is that a total becomes `factor` times as large."""
    factor = max(factor, 1 / factor)
    return DECISIVE if factor > UPSET else SERIOUS if factor > MOVED else CALM


def _reach(without: Without) -> float:
    return abs(math.log(without.ratio)) if without.ratio else math.inf


def _people(number: float | None) -> str:
    return "none" if number is None else f"{number:,.0f}" if abs(number) < 1e9 else f"{number:.1e}"


def _percent(share: float | None) -> str:
    return "none" if share is None else f"{100 * share:,.0f} %" if share < 100 else "over 9,999 %"


def _number(number: int) -> str:
    return NUMBERS[number] if number < len(NUMBERS) else f"{number:,}"


def _names(names: Sequence[str]) -> str:
    *first, last = (f"“{name}”" for name in names)
    return f"{', '.join(first)} and {last}" if first else last


def _on(cell: Cell) -> str:
    exactly = f"on exactly {_names(cell.lists)}"
    return exactly if len(cell.lists) > 1 else f"on {_names(cell.lists)} alone"


def _table(title: str, **columns: list[str]) -> list[str]:
    """Aligned columns, the first to the left; what is too wide for the page is cut."""
    shown = [[name.replace("_", " "), *cells] for name, cells in columns.items()]
    shown[0][0] = ""
    tidy = [[c if len(c) <= 28 else f"{c[:27]}…" for c in cells] for cells in shown]
    wide = [max(map(len, cells)) for cells in tidy]
    every = zip(*tidy, strict=True)
    rows = [[c.ljust(wide[0]), *map(str.rjust, rest, wide[1:])] for c, *rest in every]
    return ["", title, *("  " + "  ".join(row) for row in rows)]


def report(c: Check) -> Iterator[str]:
    place = {one.name: str(j) for j, one in enumerate(c.lists, 1)}

    def label(one: Without | Cell) -> str:
        return " ".join(
            ["+".join(place[name] for name in one.lists), *", ".join(one.lists).split()]
        )

    yield from textwrap.wrap(c.verdict, WIDTH)
    yield ""
    for sentence in c.findings:
        yield from textwrap.wrap(sentence, WIDTH, initial_indent="- ", subsequent_indent="  ")
    yield from _table(
        f"The lists: {c.observed:,} people, {c.on_two_or_more:,} of them on two lists or more",
        list=[" ".join([place[one.name], *one.name.split()]) for one in c.lists],
        people=[_people(one.size) for one in c.lists],
        on_no_other=[_people(one.only) for one in c.lists],
        shared=[_people(one.shared) for one in c.lists],
        share_shared=[_percent(one.overlap) for one in c.lists],
    )
    of = "" if c.models is None else f" of {c.models:,}"
    yield from _table(
        f"The best models{of} ({'proven' if c.certified else 'not proven'}), by list number",
        model=[one.model for one in c.best_models],
        total=[_people(one.total) for one in c.best_models],
        BIC_above_best=[f"{one.bic_above_best:.1f}" for one in c.best_models],
    )
    pairs = sorted(c.without_pair, key=_reach, reverse=True)[:SHOWN]
    two = f"two lists ({len(pairs)} of {len(c.without_pair)} pairs, the strongest first)"
    for title, without in (("one list", c.without_list), (two, pairs)):
        if without:
            yield from _table(
                f"Without {title}; the models number the lists that remain",
                list=[label(one) for one in without],
                seen=[_people(one.observed) for one in without],
                total=[_people(one.total) for one in without],
                of_the_full=[_percent(one.ratio) for one in without],
                model=[one.model or "none" for one in without],
            )
    for why in filter(None, (c.why_no_list, c.why_no_pair)):
        yield from ("", why)
    cells, how = c.cells[:SHOWN], {None: "none", True: "another", False: "same"}
    yield from _table(
        f"With one person fewer on exactly these lists ({len(cells)} of {len(c.cells)} cells)",
        list=[label(one) for one in cells],
        people=[_people(one.people) for one in cells],
        total=[_people(one.total) for one in cells],
        change=[_people(one.change) for one in cells],
        same_model=[_people(one.fixed_change) for one in cells],
        share=[_percent(one.share) for one in cells],
        model=[how[one.model_changes] for one in cells],
    )
    yield from _unknowable(c.unknowable)
    yield ""
    yield from textwrap.wrap(str(c.lower_bound), WIDTH)
    yield from ("", STAYS)


def _unknowable(s: Sensitivity) -> Iterator[str]:
    """The total by the interaction of all lists, which nobody can see."""
    shown = s.curve[:: (len(s.curve) - 1) // 8]
    yield from _table(
        "What no data can tell: the total if so many times as many people are on no list",
        times_as_many_unseen=[f"{one.times:.2f}" for one in shown],
        total=[_people(one.total) for one in shown],
        lower=[_people(one.lower) for one in shown],
        upper=[_people(one.upper) for one in shown],
        **(
            {"no highest interaction": [_people(one.saturated) for one in shown]}
            if s.saturated
            else {}
        ),
    )
    learned = (
        f"as large as on {_number(len(s.hidden))} of these lists, where it can be seen"
        if s.hidden
        else "as large as in published tables"
    )
    yield from textwrap.wrap(
        f"  If it is {learned} (a factor of {math.exp(s.sd):.1f} up or down), the interval is "
        f"{_people(s.plausible_lower)} to {_people(s.plausible_upper)} instead of "
        f"{_people(s.lower)} to {_people(s.upper)}, the model taken as known.",
        WIDTH,
        subsequent_indent="  ",
    )
    yield from _table(
        "Where a conclusion changes: times as many unseen at which the total is",
        the=[f"{one.what}, {_people(one.people)}" for one in s.turns],
        estimate=[_times(one.xi) for one in s.turns],
        its_lower_limit=[_times(one.xi_lower) for one in s.turns],
        its_upper_limit=[_times(one.xi_upper) for one in s.turns],
        probability=[_percent(one.probability) for one in s.turns],
    )
    if s.why_not_saturated:
        yield from textwrap.wrap(f"  {s.why_not_saturated}", WIDTH, subsequent_indent="  ")


def _times(xi: float | None) -> str:
    if xi is None:
        return "never"
    return f"{math.exp(xi):.2g}" if abs(xi) < 7 else "over 1,000" if xi > 0 else "under 0.001"
