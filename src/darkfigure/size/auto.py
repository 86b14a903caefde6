"""What is taken where nobody chooses: the method that errs least where the truth is known.

`benchmarks/known_truth` holds every method against the people on each list of every table that
ships, whose number is known. `shrinkage` errs least, over trafficking tables and over all, and its
intervals hold the truth about as often as they say; so it is the default. It would answer always,
and so this refuses first, by the rules of `refusal`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from darkfigure import engine
from darkfigure.estimate import Estimate
from darkfigure.histories import CaptureHistories
from darkfigure.size.refusal import refusals, refuse, soft_refusals
from darkfigure.size.shrinkage import USUAL, Prior, posterior, shrinkage

SENTENCE = (
    "All dependences among the lists were estimated at once, each drawn toward what is usual of "
    "lists of hidden people, as far as the counts leave it open."
)

CARRIED = "few shared"
"""The reason that is told and does not refuse where enough are shared: the interval carries it."""

ENOUGH_SHARED = 3
"""It was held against truths known of people of whom as few as three were on two lists."""


def auto(
    histories: CaptureHistories,
    *,
    prior: Prior = USUAL,
    draws: int = 10_000,
    level: float = 0.95,
    seed: int = 1,
    workers: int | None = None,
    progress: engine.Progress | None = None,
) -> Estimate:
    """Estimate the total by the method that errs least where the truth is known, or refuse.

    Parameters
    ----------
    histories, prior, draws, level, seed, workers, progress
        As for `shrinkage`.

    Returns
    -------
    Estimate
        That of `shrinkage`; `details["sentence"]` says what was done. What `refusal` calls "few
        shared" is a warning here.

    Raises
    ------
    Refused
        If the lists cannot carry a number: with the reasons, what to do, and a lower bound.
    InputError
        If there are too many lists, nobody is on any, or a parameter is out of range.

    Notes
    -----
    One person more or fewer never decides here, so that the rule of that name is not tried: over
    all tables that ship no such person moves the total by more than an eighth.

    Examples
    --------
    >>> from darkfigure import tables
    >>> found = auto(tables.load("uk-2013"))
    >>> found.lower < 12_000 < found.upper
    True
    >>> auto(CaptureHistories("ab", [0, 300, 250, 0]))
    Traceback (most recent call last):
    ...
    darkfigure.size.refusal.Refused: ...
    """
    refuse(histories, [reason for reason in refusals(histories) if reason.hard])
    estimate = shrinkage(
        histories,
        prior=prior,
        draws=draws,
        level=level,
        seed=seed,
        workers=workers,
        progress=progress,
    )

    def again(other: CaptureHistories) -> float:
        found = posterior(other, prior)
        return other.observed + float(np.exp(np.interp(0.5, found.below, found.log_unseen)))

    reasons = soft_refusals(histories, estimate, again=again, persons=False)
    settled = histories.settled
    carried = CARRIED if settled.observed - settled.people_on(1) >= ENOUGH_SHARED else ""
    refuse(histories, [reason for reason in reasons if reason.rule != carried])
    told = [reason.sentence for reason in reasons]
    return replace(
        estimate,
        method="auto",
        details={**estimate.details, "sentence": SENTENCE},
        warnings=(*estimate.warnings, *told),
    )
