"""Models by their words: rates, entry, covariates and roads, whichever are named."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy.typing as npt

from darkfigure import engine
from darkfigure.circuit import entry, multistate
from darkfigure.circuit.behind import words_of
from darkfigure.circuit.gravity import HOURS, TO, road_covariates
from darkfigure.circuit.histories import Histories
from darkfigure.circuit.multistate import Fit
from darkfigure.circuit.roads import Roads
from darkfigure.circuit.selection import Selection
from darkfigure.errors import InputError

BY_ROADS = "gravity"
"""Of movement: on the hours of road and the inhabitants of where people go."""


def fitted(
    histories: Histories,
    terms: Mapping[str, str],
    *,
    roads: Roads | None = None,
    covariates: Mapping[str, npt.ArrayLike] | None = None,
    **options: Any,
) -> Fit:
    """Fit a multistate model, with entry where the terms have one.

    Parameters
    ----------
    histories : Histories
    terms : mapping
        'survival', 'detection', 'movement' and perhaps 'entry'. Movement may be 'gravity'.
    roads, covariates : optional
        What terms may name.
    **options
        As for `darkfigure.circuit.multistate.fit`.

    Raises
    ------
    InputError
        For movement by the roads without roads, or as for `fit`.
    NoEstimateError
        As for `fit`.

    Examples
    --------
    >>> h = Histories("A", ("1", "2", "3"), [[1, 1, 0], [1, 0, 1], [1, 1, 1]], [20, 9, 30])
    >>> fitted(h, {"survival": "constant", "detection": "time", "movement": "city"}).people
    59
    """
    known = dict(covariates or {})
    model: dict[str, Any] = dict(terms)
    if roads is not None and len(histories.cities) > 1:
        by_road = road_covariates(histories, roads)
        words = words_of(model["movement"])
        if BY_ROADS in words:
            roads.populations(histories.cities)
            model["movement"] = model["movement"].replace(BY_ROADS, f"{HOURS}+{TO}")
            words = words - {BY_ROADS} | {HOURS, TO}
        known |= {name: values for name, values in by_road.items() if name in words}
    elif BY_ROADS in model["movement"]:
        raise InputError(
            "Movement by 'gravity' needs roads and two cities or more; name the roads."
        )
    kind = entry.fit if "entry" in model else multistate.fit
    return kind(histories, **model, covariates=known, **options)


def selected(
    histories: Histories,
    terms: Mapping[str, str],
    *,
    progress: engine.Progress | None = None,
    **options: Any,
) -> Selection:
    """Fit every combination of terms, and put the models in order.

    Parameters
    ----------
    histories : Histories
    terms : mapping
        As for `fitted`, each with one kind or several, between commas.
    progress : callable, optional
        Told how many starts are done, of all models.
    **options
        As for `fitted`.

    Raises
    ------
    InputError, NoEstimateError
        As for `fitted`.

    Examples
    --------
    >>> h = Histories("A", ("1", "2", "3"), [[1, 1, 0], [1, 0, 1], [1, 1, 1]], [20, 9, 30])
    >>> terms = {"survival": "constant", "detection": "constant,time", "movement": "city"}
    >>> [row["detection"] for row in selected(h, terms).rows()]
    ['time', 'constant']
    """
    for name, kinds in terms.items():
        if not all(each.strip() for each in kinds.split(",")):
            raise InputError(f"A kind of {name} is empty; write one, or several between commas.")
    several = [[each.strip() for each in kinds.split(",")] for kinds in terms.values()]
    models = [dict(zip(terms, each, strict=True)) for each in itertools.product(*several)]
    fits = []
    for before, model in enumerate(models):
        told = None
        if progress is not None:

            def told(done: int, all_: int, before: int = before) -> None:
                progress(before * all_ + done, len(models) * all_)

        fits.append(fitted(histories, model, progress=told, **options))
    return Selection(tuple(sorted(fits, key=lambda found: found.aicc)))
