"""How far to trust an estimate, found from the data and the estimate alone, in plain words.

Nothing here says that an estimate is right. Each finding is a way in which it could be wrong, held
against a limit that is stated; the verdict counts them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from darkfigure.disclosure import publishable_overlaps
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.report.words import (
    between,
    counted,
    is_one,
    limits,
    listed,
    one_in,
    opened,
    rounded,
)

NARROW, WIDE = 1.5, 3.0
"""Upper limit over lower: up to the first a range is narrow, beyond the second very wide."""

ENOUGH_SEEN = 0.10
ENOUGH_SHARED = 30
ENOUGH_REPLICATES = 0.99


@dataclass(frozen=True)
class Finding:
    """One thing that speaks for or against the estimate.

    Parameters
    ----------
    serious : bool
        Whether it lowers the trust.
    sentence : str
        What was found.
    why : str
        Why that matters.
    decisive : bool
        Whether it alone makes the estimate no more than an order of magnitude.
    """

    serious: bool
    sentence: str
    why: str
    decisive: bool = False


@dataclass(frozen=True)
class Verdict:
    """How far the estimate may be trusted: a few words, and a sentence on what to do with it."""

    grade: str
    sentence: str


SOUND = Verdict(
    "a sound guide to the size",
    "Plans can be made with the range. Nothing that could be checked speaks against it.",
)
ROUGH = Verdict(
    "a rough guide to the size",
    "Plans should hold for every number in the range, and for some beyond it.",
)
MAGNITUDE = Verdict(
    "an order of magnitude at best",
    "It tells tens from hundreds and hundreds from thousands. Build nothing on the number itself.",
)

CAVEATS = (
    Finding(
        False,
        "The lists were matched rightly.",
        "If one person appears as two, because a name is spelled in two ways, fewer people seem to "
        "be on several lists and the estimate is too high. If two people are taken for one, it is "
        "too low.",
    ),
    Finding(
        False,
        "Everybody counted could have come onto some list.",
        "People whom none of these agencies could ever meet are in no number on this page. The "
        "true number is then higher.",
    ),
    Finding(
        False,
        "How the lists lead to one another is as the other combinations suggest.",
        "People on no list at all may differ from the rest in a way that no data from these lists "
        "can show: the interaction of all lists together cannot be checked by anybody.",
    ),
    Finding(
        False,
        "The lists are of the same people, at the same place, in the same time.",
        "People who came or left in between, or who belong to another city, make the overlap "
        "smaller and the estimate too high.",
    ),
)
"""What every such estimate rests on, and what happens where it does not hold."""


def findings(
    histories: CaptureHistories,
    estimate: Estimate,
    alternatives: Sequence[Estimate],
    smallest_count: int = 1,
) -> list[Finding]:
    """Everything that can be said about how far the estimate is to be trusted.

    Parameters
    ----------
    histories : CaptureHistories
        The counts it was made from.
    estimate : Estimate
        The estimate of the page.
    alternatives : sequence of Estimate
        Other models as defensible as the chosen one; those whose `details["without"]` names a list
        were made without that list.
    smallest_count : int
        Counts of people smaller than this are not told.

    Examples
    --------
    >>> h = CaptureHistories(["a", "b"], [0, 300, 250, 120])
    >>> e = Estimate(1295.0, 1150.0, 1480.0, 0.95, 670, "independent", ("a", "b"))
    >>> [f.serious for f in findings(h, e, [])]
    [False, False, False]
    """
    plain = [other for other in alternatives if not other.details.get("without")]
    without = [other for other in alternatives if other.details.get("without")]
    return [
        _width(estimate),
        _seen(estimate),
        *_shared(histories, smallest_count),
        *_nearly_equal(plain),
        *_other_models(estimate, plain),
        *_left_out(estimate, without),
        *_replicates(estimate),
        *(
            Finding(True, _sentence(warning), "The method itself reported this.")
            for warning in estimate.warnings
        ),
    ]


def verdict(found: Sequence[Finding]) -> Verdict:
    """How far to trust the estimate: no serious finding, up to three, or more.

    Examples
    --------
    >>> verdict([]).grade
    'a sound guide to the size'
    >>> verdict([Finding(True, "Few were seen.", "Much is assumed.")]).grade
    'a rough guide to the size'
    """
    serious = sum(finding.serious for finding in found)
    if serious > 3 or any(finding.decisive for finding in found):
        return MAGNITUDE
    return ROUGH if serious else SOUND


def _width(estimate: Estimate) -> Finding:
    moved = "chance alone" if "linkage" not in estimate.details else "chance and doubtful matches"
    why = (
        f"The range says how far {moved} could have moved the number, and nothing of a wrong model."
    )
    if math.isinf(estimate.upper):
        return Finding(True, "The data set no upper limit.", why, decisive=True)
    ratio = estimate.upper / max(estimate.lower, 1.0)
    said = f"The upper end of the range is {ratio:.1f} times its lower end"
    if ratio <= NARROW:
        return Finding(False, f"{said}: the range is narrow.", why)
    if ratio <= WIDE:
        return Finding(True, f"{said}: the range is wide.", why)
    return Finding(True, f"{said}: the range is very wide.", why, decisive=True)


def _seen(estimate: Estimate) -> Finding:
    share = estimate.coverage
    return Finding(
        share < ENOUGH_SEEN,
        f"{opened(one_in(share))} of the people thought to exist "
        f"{'was' if is_one(share) else 'were'} seen.",
        "The fewer were seen, the more of the number comes from assumption and the less from "
        "people. Below one in ten it leans on assumption.",
    )


def _shared(histories: CaptureHistories, smallest_count: int) -> Iterator[Finding]:
    """From the combinations that are shown alone, for anything more would tell of the others."""
    shown = publishable_overlaps(histories, smallest_count)
    several = sum(count for names, count in shown.rows if len(names) > 1)
    few = several < ENOUGH_SHARED
    if shown.rounded and not several:
        said = "No combination of two lists or more has enough people to be shown"
    else:
        people = "one person is" if several == 1 else f"{counted(several)} people are"
        said = opened(f"{'at least ' if shown.rounded else ''}{people} on two lists or more")
    yield Finding(
        few,
        f"{said}{', which is few' if few and several else ''}.",
        "All that is known of the unseen comes from those who are on several lists. "
        f"With fewer than {ENOUGH_SHARED}, one person more or less moves the number visibly.",
    )
    lists = histories.lists
    pairs = [
        (a, b)
        for i, a in enumerate(lists)
        for b in lists[i + 1 :]
        if not any(a in names and b in names for names, _ in shown.rows)
    ]
    if not pairs:
        return
    nobody = "nobody in any combination that is shown" if shown.rounded else "nobody"
    named = "; ".join(f"{a} and {b}" for a, b in pairs) if len(pairs) <= 4 else ""
    yield Finding(
        True,
        f"{opened(counted(len(pairs)))} of {counted(len(lists) * (len(lists) - 1) // 2)} pairs of "
        f"lists share {nobody}{f': {named}' if named else ''}.",
        "Such a pair says nothing of how many are missing, or the two agencies never meet the same "
        "people, or a match was missed.",
    )


def _other_models(estimate: Estimate, others: Sequence[Estimate]) -> Iterator[Finding]:
    if not others:
        return
    totals = [other.total for other in others]
    outside = sum(not estimate.lower <= total <= estimate.upper for total in totals)
    why = (
        "Several models fit the data about as well, and the data cannot choose among them. Where "
        "they disagree by more than the range, the choice of a model matters more than chance."
    )
    lowest, highest = min([*totals, estimate.total]), max([*totals, estimate.total])
    spread = between(lowest, highest)
    if not outside:
        yield Finding(
            False,
            f"Other defensible models say {spread}, all of it within the range.",
            why,
        )
        return
    yield Finding(
        True,
        f"Other defensible models say {spread}; {counted(outside)} of {counted(len(others))} "
        f"{'falls' if outside == 1 else 'fall'} outside the range.",
        why,
        decisive=highest > WIDE * lowest,
    )


def _nearly_equal(others: Sequence[Estimate]) -> Iterator[Finding]:
    """What the models say that BIC does not tell apart."""
    near = next((o.details["nearly_equal"] for o in others if "nearly_equal" in o.details), None)
    if near is None or near["models"] < 2:
        return
    lowest, highest = near["lowest"], near["highest"]
    ratio = highest / max(lowest, 1.0)
    models = f"The {counted(near['models'])} best models fit the data almost equally well"
    why = (
        "The data do not say which of them is right. A number that rests on one of them alone "
        "sounds more certain than it can be."
    )
    if rounded(lowest) == rounded(highest):
        yield Finding(False, f"{models} and say the same: {rounded(lowest)}.", why)
        return
    yield Finding(
        ratio > NARROW,
        f"{models} and run from {rounded(lowest)} to {rounded(highest)} people.",
        why,
        decisive=ratio > WIDE,
    )


def _left_out(estimate: Estimate, without: Sequence[Estimate]) -> Iterator[Finding]:
    if not without:
        return
    outside = [o for o in without if not estimate.lower <= o.total <= estimate.upper]
    why = (
        "The people are the same whichever list is left out, so the number should stay about the "
        "same. A list that moves it may reach people whom the others cannot, or lead to them."
    )
    if not outside:
        yield Finding(False, "Leaving out any one list keeps the number within the range.", why)
        return
    moved = listed([f"{o.details['without']} ({rounded(o.total)})" for o in outside])
    yield Finding(True, f"Leaving out one list takes the number out of the range: {moved}.", why)


def _replicates(estimate: Estimate) -> Iterator[Finding]:
    if estimate.draws is None or not estimate.draws.size:
        return
    failed = int(np.sum(~np.isfinite(estimate.draws)))
    if not failed:
        return
    share = failed / estimate.draws.size
    yield Finding(
        share > 1 - ENOUGH_REPLICATES,
        f"{opened(counted(failed))} of {rounded(estimate.draws.size)} repetitions of the "
        f"calculation on redrawn data gave no number.",
        "Data only a little different from these could not have answered the question at all.",
    )


def _sentence(warning: str) -> str:
    text = opened(warning.strip())
    return text if text.endswith((".", "?")) else f"{text}."


def plain_range(estimate: Estimate) -> str:
    """The estimate's range in words, rounded outward, never below the number seen.

    Examples
    --------
    >>> plain_range(Estimate(1295.0, 1153.0, 1480.0, 0.95, 670, "independent", ("a", "b")))
    'between 1,100 and 1,500'
    """
    low, high = limits(estimate.lower, estimate.upper, estimate.observed)
    return between(low, high, estimate.observed)
