"""Which model? Several fitted to the same histories, by Akaike's criterion."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from darkfigure import engine
from darkfigure.circuit.histories import Histories
from darkfigure.circuit.multistate import STARTS, Fit, fit
from darkfigure.errors import InputError

KINDS = ("survival", "detection", "movement", "entry")


@dataclass(frozen=True, eq=False)
class Selection:
    """Models in the order of AICc (QAICc where c-hat is not one), the best first.

    Attributes
    ----------
    fits : tuple of Fit
    """

    fits: tuple[Fit, ...]

    @property
    def best(self) -> Fit:
        """The model with the least AICc."""
        return self.fits[0]

    @property
    def kinds(self) -> tuple[str, ...]:
        """What a model is of; entry where people come."""
        return tuple(kind for kind in KINDS if kind in self.best.settings)

    def rows(self) -> list[dict[str, Any]]:
        """A row for each model: its criterion, how far it is from the best, and its Akaike weight.

        The weight is exp(-delta / 2), all together one (Burnham & Anderson 2002).
        """
        deltas = [found.aicc - self.best.aicc for found in self.fits]
        heights = [math.exp(-delta / 2) for delta in deltas]
        return [
            {
                **{kind: found.settings[kind] for kind in self.kinds},
                "parameters": found.parameters,
                "estimable": found.estimable,
                "minus2loglik": found.minus2loglik,
                "aicc": found.aicc,
                "delta": delta,
                "weight": height / sum(heights),
            }
            for found, delta, height in zip(self.fits, deltas, heights, strict=True)
        ]

    def __str__(self) -> str:
        rows = self.rows()
        wide = {kind: max(11, *(len(row[kind]) + 2 for row in rows)) for kind in self.kinds}
        numbers = "{:>4}{:>13}{:>13}{:>10}{:>8}".format
        lines = [
            "".join(f"{kind:<{width}}" for kind, width in wide.items())
            + numbers("k", "-2 log L", "AICc", "delta", "weight")
        ]
        lines += [
            "".join(f"{row[kind]:<{width}}" for kind, width in wide.items())
            + numbers(
                row["estimable"],
                f"{row['minus2loglik']:,.2f}",
                f"{row['aicc']:,.2f}",
                f"{row['delta']:,.2f}",
                f"{row['weight']:.3f}",
            )
            for row in rows
        ]
        return "\n".join(lines)


def models(
    histories: Histories,
    survival: Iterable[str] = ("constant", "time", "city"),
    detection: Iterable[str] = ("constant", "time", "city"),
    movement: Iterable[str] = ("city",),
    *,
    covariates: Mapping[str, npt.ArrayLike] | None = None,
    starts: int = STARTS,
    level: float = 0.95,
    c_hat: float = 1.0,
    seed: int = 1,
    workers: int | None = None,
    progress: engine.Progress | None = None,
) -> Selection:
    """Fit every combination of these, and put them in order.

    Parameters
    ----------
    histories : Histories
    survival, detection, movement : iterable of str
        As for `fit`, each several.
    covariates, starts, level, c_hat, seed, workers
        As for `fit`.
    progress : callable, optional
        Told how many models are done.

    Raises
    ------
    InputError
        If there is no model, or as for `fit`.

    Examples
    --------
    >>> h = Histories("A", ("1", "2", "3"), [[1, 1, 0], [1, 0, 1], [1, 1, 1]], [20, 9, 30])
    >>> print(models(h, ("constant",), starts=2))
    survival   detection  movement      k     -2 log L         AICc     delta  weight
    constant   ...
    """
    terms = list(itertools.product(survival, detection, movement))
    if not terms:
        raise InputError("There is no model to fit; name one kind each, or more.")
    fits = []
    for done, (s, p, psi) in enumerate(terms, start=1):
        found = fit(
            histories,
            s,
            p,
            psi,
            covariates=covariates,
            starts=starts,
            level=level,
            c_hat=c_hat,
            seed=seed,
            workers=workers,
        )
        fits.append(found)
        if progress is not None:
            progress(done, len(terms))
    return Selection(tuple(sorted(fits, key=lambda found: found.aicc)))
