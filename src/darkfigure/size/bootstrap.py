"""Bootstrap over people, with the whole choice of model redone in every replicate.

A replicate draws as many people as were observed, with replacement; the method then starts from
nothing. Intervals are bias-corrected and accelerated (BCa: Efron 1987; DiCiccio & Efron 1996,
section 2), the acceleration from a jackknife that leaves out one person, weighted by the people of
each cell (Chan, Silverman & Vincent 2021).

A replicate without an estimate counts as an infinite total: it means too little overlap, and hiding
it would make the interval look shorter than it is.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from darkfigure import engine
from darkfigure.errors import InputError
from darkfigure.histories import CaptureHistories

Totals = Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]
"""From counts of shape (tables, 2**K), entry 0 zero, to totals (tables,), infinite where none.

A method whose choice of the model may stay unproven answers with shape (tables, 2): the second
column is 1 where it did.
"""

PIECE = 10  # replicates that travel together to a core


@dataclass(frozen=True)
class Interval:
    """A BCa interval and what it came from.

    Attributes
    ----------
    lower, upper : float
    draws : array of float, shape (B,)
        The totals of the replicates, infinite where one had no estimate.
    bias : float
        z0, the standard normal quantile of the share of draws below the estimate.
    acceleration : float
        a, a sixth of the skewness of the jackknife.
    warnings : tuple of str
    """

    lower: float
    upper: float
    draws: npt.NDArray[np.float64]
    bias: float
    acceleration: float
    warnings: tuple[str, ...]


def replicates(
    histories: CaptureHistories, b: int, seed: int, piece: int = 0
) -> npt.NDArray[np.float64]:
    """Draw b tables of as many people as were observed, shape (b, 2**K), entry 0 zero.

    Each piece of the replicates has random numbers of its own, so that it can be drawn anywhere and
    at any time.

    Examples
    --------
    >>> h = CaptureHistories(["a", "b"], [0, 60, 40, 20])
    >>> replicates(h, 3, seed=1).sum(axis=1)
    array([120., 120., 120.])
    """
    counts = histories.known
    seen = np.flatnonzero(counts)  # cells nobody was in stay empty
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(piece,)))
    tables = np.zeros((b, counts.size))
    tables[:, seen] = rng.multinomial(histories.observed, counts[seen] / counts.sum(), size=b)
    return tables


def draw(
    histories: CaptureHistories,
    totals: Totals,
    *,
    b: int,
    seed: int,
    workers: int | None = None,
    progress: engine.Progress | None = None,
    resume: Path | None = None,
) -> npt.NDArray[np.float64]:
    """The totals of b replicates, shape (b,), or (b, m) if `totals` answers m at a time.

    Parameters
    ----------
    histories, totals, b, seed, workers, progress
        As for `bootstrap`.
    resume : Path, optional
        A file that keeps what was finished, for the same counts, method and seed only; a call that
        finds one goes on where that stopped.
    """
    width = np.atleast_2d(totals(histories.known[None])).size
    starts = range(0, b, PIECE)
    kept = _finished(resume, width, b) if resume else np.empty((0, width))
    done = len(kept) // PIECE

    def piece(start: int) -> npt.NDArray[np.float64]:
        tables = replicates(histories, min(PIECE, b - start), seed, start // PIECE)
        return totals(tables).reshape(-1, width)

    def told(pieces: int, of: int) -> None:
        if progress is not None:
            progress(done + pieces, done + of)

    found = [kept]
    with resume.open("ab") if resume else contextlib.nullcontext() as stream:
        for drawn in engine.run(piece, starts[done:], workers=workers, progress=told):
            found.append(drawn)
            if stream is not None:
                stream.write(drawn.tobytes())
                stream.flush()
    draws = np.concatenate(found)
    return draws[:, 0] if width == 1 else draws


def _finished(file: Path, width: int, b: int) -> npt.NDArray[np.float64]:
    """The whole pieces that an earlier call has left in a file, which is cut off after them."""
    file.parent.mkdir(parents=True, exist_ok=True)
    stored = np.fromfile(file) if file.exists() else np.empty(0)
    pieces = min(len(stored) // (PIECE * width), b // PIECE)
    kept = stored[: pieces * PIECE * width].reshape(-1, width)
    with file.open("ab") as stream:
        stream.truncate(kept.nbytes)
    return kept


def bootstrap(
    histories: CaptureHistories,
    total: float,
    totals: Totals,
    *,
    b: int,
    level: float,
    seed: int,
    workers: int | None = None,
    progress: engine.Progress | None = None,
    resume: Path | None = None,
) -> Interval:
    """BCa interval for a total.

    Parameters
    ----------
    histories : CaptureHistories
    total : float
        The estimate from `histories` itself.
    totals : callable
        The method, on many tables at once; see `Totals`.
    b : int
        Number of replicates, 20 to 1,000,000.
    level : float
        Between 0 and 1.
    seed : int
        The same seed gives the same replicates, on any number of cores.
    workers : int, optional
        Cores to use.
    progress : callable, optional
        Told how far the replicates are.
    resume : Path, optional
        As for `draw`.

    Raises
    ------
    InputError
        If b or the level is out of range.
    """
    check_settings(b, level)
    draws = draw(
        histories, totals, b=b, seed=seed, workers=workers, progress=progress, resume=resume
    )
    left_out = jackknife(histories, totals, workers=workers)
    if draws.ndim == 1:
        return bca(draws, left_out, histories, total, level)
    interval = bca(draws[:, 0], left_out[:, 0], histories, total, level)
    unproven = int(draws[:, 1].sum())
    if not unproven:
        return interval
    doubt = (
        f"In {unproven} of {b} replicates the best model was not proven within the number of fits "
        "allowed; the best one found was taken."
    )
    return replace(interval, warnings=(*interval.warnings, doubt))


def check_settings(b: int, level: float) -> None:
    """Refuse too few replicates and levels that are none."""
    if b < 20:
        raise InputError(f"{b} replicates are too few for an interval; take 200 or more.")
    if b > 1_000_000:
        raise InputError(f"{b:,} replicates are too many; a thousand serve, a million is the most.")
    if not 0 < level < 1:
        raise InputError(f"The level of an interval lies between 0 and 1, not {level}.")


def jackknife(
    histories: CaptureHistories, totals: Totals, *, workers: int | None = None
) -> npt.NDArray[np.float64]:
    """The totals with one person of each counted cell left out, shape (cells,) or (cells, m).

    Examples
    --------
    >>> h = CaptureHistories(["a", "b"], [0, 60, 40, 20])
    >>> jackknife(h, lambda tables: tables.sum(axis=1))
    array([119., 119., 119.])
    """
    counts = histories.known

    def without_one(cell: np.intp) -> npt.NDArray[np.float64]:
        left = counts.copy()
        left[cell] -= 1
        return totals(left[None])

    return np.concatenate(
        list(engine.run(without_one, list(np.flatnonzero(counts)), workers=workers))
    )


def bca(
    draws: npt.NDArray[np.float64],
    left_out: npt.NDArray[np.float64],
    histories: CaptureHistories,
    total: float,
    level: float,
) -> Interval:
    """The BCa interval from replicates and jackknife (DiCiccio & Efron 1996, equation 2.3).

    Parameters
    ----------
    draws : array of float, shape (b,)
    left_out : array of float, shape (cells,)
        As `jackknife` gives it.
    histories : CaptureHistories
    total : float
    level : float
    """
    counts = histories.known
    bias = _bias(draws, total)
    acceleration, warnings = _acceleration(left_out, counts[counts > 0])
    lower, upper = (
        percentile_point(draws, bias, acceleration, p) for p in ((1 - level) / 2, (1 + level) / 2)
    )
    # The percentile points of a skewed sample can pass the estimate itself; an interval holds it.
    lower, upper = min(lower, total), max(upper, total)
    return Interval(
        lower,
        upper,
        draws,
        bias,
        acceleration,
        warnings + _doubts(draws, lower, upper, level),
    )


def bca_limit(draws: npt.NDArray[np.float64], total: float, acceleration: float, p: float) -> float:
    """The p-th BCa percentile point (DiCiccio & Efron 1996, equation 2.3).

    Examples
    --------
    >>> bca_limit(np.arange(1.0, 100.0), 50.0, 0.0, 0.5)
    48.99...
    """
    return percentile_point(draws, _bias(draws, total), acceleration, p)


def _bias(draws: npt.NDArray[np.float64], total: float) -> float:
    below = float(np.mean(draws < total))
    if below in (0.0, 1.0):  # beyond what b replicates can tell
        below = min(max(below, 0.5 / draws.size), 1 - 0.5 / draws.size)
    return NormalDist().inv_cdf(below)


def _acceleration(
    left_out: npt.NDArray[np.float64], weight: npt.NDArray[np.float64]
) -> tuple[float, tuple[str, ...]]:
    if not np.all(np.isfinite(left_out)):
        return 0.0, (
            "Without one single person there would be no estimate at all; the interval is not "
            "corrected for skewness.",
        )
    centred = np.average(left_out, weights=weight) - left_out
    spread = float(np.sum(weight * centred**2))
    if spread == 0.0:
        return 0.0, ()
    return float(np.sum(weight * centred**3)) / (6 * spread**1.5), ()


def percentile_point(
    draws: npt.NDArray[np.float64], bias: float, acceleration: float, p: float
) -> float:
    """The p-th percentile point of some draws, corrected for bias and acceleration.

    Examples
    --------
    >>> percentile_point(np.arange(1.0, 100.0), 0.0, 0.0, 0.5)
    50.0
    """
    z = NormalDist()
    shifted = bias + z.inv_cdf(p)
    at = z.cdf(bias + shifted / (1 - acceleration * shifted))
    ordered = np.sort(draws)
    # The median-unbiased quantile (type 8 of Hyndman & Fan 1996), as the authors of the method use.
    place = min(max(at * (draws.size + 1 / 3) - 2 / 3, 0.0), draws.size - 1.0)
    low = math.floor(place)
    high = min(low + 1, draws.size - 1)
    if place == low or ordered[low] == ordered[high]:
        return float(ordered[low])
    return float(ordered[low] + (place - low) * (ordered[high] - ordered[low]))


def _doubts(
    draws: npt.NDArray[np.float64], lower: float, upper: float, level: float
) -> tuple[str, ...]:
    doubts = []
    none = int(np.sum(~np.isfinite(draws)))
    if none:
        doubts.append(
            f"{none} of {draws.size} bootstrap replicates had no estimate at all; they count as "
            "totals without a limit."
        )
    if math.isinf(upper):
        doubts.append(
            f"So many replicates had no estimate that the interval at {level} has no upper limit."
        )
    finite = draws[np.isfinite(draws)]
    if finite.size and (lower <= finite.min() or upper == finite.max()):
        doubts.append(
            f"A limit of the interval is the most extreme of the {draws.size} replicates; more "
            "replicates may move it."
        )
    return tuple(doubts)
