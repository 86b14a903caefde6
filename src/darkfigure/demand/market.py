r"""A market of sexual exploitation, small enough to be stated in full, in whole people.

In each city there are exploited people (V visible, on the street; H hidden, indoors or online; and
those in custody), traffickers T, and buyers (B active, D deterred by an arrest). A month is a step;
d is 1/12 year, and something of rate r a year happens in it with chance :math:`1 - e^{-rd}`.
Every flow is a binomial or Poisson draw, so that entries less exits are the change, exactly.

- *Arrests.* Hours a year over hours per arrest are expected a year, of exploited people, buyers and
  traffickers, never more than there are. A hidden person is arrested with `hidden_exposure` times
  the chance of a visible one; a deterred buyer with `specific_deterrence` times that of an active
  one.
- *Buying.* A buyer who was arrested becomes deterred, for `deterrence_years` in the mean, and buys
  `specific_deterrence` (h) times as much. Everybody buys less by the risk r of arrest, in per cent
  a year. What is bought is, in buyers' worth,
  :math:`M = (B + hD)\, e^{-g r / 100}`, g being `general_deterrence`; of what is lost,
  :math:`B + D - M`, the share `displacement` is bought in other cities.
- *Exploited people* leave at the rate 1/`stay`. They come as they go today, times `entry_ratio`,
  times :math:`(1 - k)(M/M_0)^\epsilon + k\, T/T_0`: those without a trafficker come as buying
  goes, with `supply_elasticity` and up to ten-fold; of the share k, `controlled`, each trafficker
  brings as many as today, and it is traffickers who follow the buying.
- *An arrest of an exploited person* is custody of `custody_days` in the mean, in which nobody is
  exploited, and ends the exploitation with chance `exit_at_arrest`. Each arrest of an exploited
  person or of a buyer sends `indoors_per_exploited_arrest` or `indoors_per_buyer_arrest` visible
  people indoors; as many come back to the street as are sent indoors today.
- *Traffickers* give up at the rate 1/`trafficker_career` and come as they go, times
  :math:`(M/M_0)^\epsilon`. An arrested one is replaced with chance `replacement`, after
  `replacement_years`, the share `displacement` of these elsewhere. Each of the exploited people of
  an arrested trafficker gets free with chance `freed_by_trafficker_arrest`; the others are taken
  over.
- *Movement.* Exploited people and traffickers go between cities by a matrix of monthly chances.
- *Harm* is in years of a visible exploited person as today: a hidden one's year counts
  `harm_hidden`, an arrest `harm_of_arrest`, and a visible one's year `harm_of_buyer_focus` more for
  all of a city's hours that buyers get beyond today's share of them.
- *Cost* is `cost_per_hour` for each hour and `cost_per_arrest` for each arrest.

With today's hours and an `entry_ratio` of one the market stands still in expectation.

What is left out: prices, seasons, what prison does to a trafficker, exploited people who become
traffickers, services that help people to leave, and any answer to the policy but these.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from darkfigure.demand import _market
from darkfigure.errors import InputError

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Parameter:
    """What a parameter is: in words, in which unit, and between which limits it makes sense."""

    words: str
    unit: str
    low: float = 0.0
    high: float = np.inf


_SHORT = 1e-3
PARAMETERS = {
    "stay": Parameter("how long somebody is exploited", "years", 0.05),
    "entry_ratio": Parameter("people who enter exploitation for each who leaves, today", "people"),
    "visible_share": Parameter("exploited people who are visible, on the street", "share", 0, 1),
    "controlled": Parameter("exploited people who are under a trafficker", "share", 0, 1),
    "supply_elasticity": Parameter(
        "by how many per cent entries fall for one per cent less buying", "per cent", 0, 10
    ),
    "hours_per_exploited_arrest": Parameter(
        "work of the police for an arrest of an exploited person", "hours", 0.1
    ),
    "hours_per_buyer_arrest": Parameter(
        "work of the police for an arrest of a buyer", "hours", 0.1
    ),
    "hours_per_trafficker_arrest": Parameter(
        "work of the police for an arrest of a trafficker", "hours", 0.1
    ),
    "hidden_exposure": Parameter(
        "chance of arrest of a hidden exploited person against a visible one", "times", 0, 1
    ),
    "buyer_career": Parameter("how long somebody goes on buying", "years", 0.1),
    "specific_deterrence": Parameter(
        "how much an arrested buyer goes on buying against one who was not", "times", 0, 1
    ),
    "deterrence_years": Parameter("how long an arrest deters a buyer", "years", _SHORT),
    "general_deterrence": Parameter(
        "by how many per cent all buyers buy less for one in a hundred more arrested a year",
        "per cent",
    ),
    "trafficker_career": Parameter("how long somebody goes on trafficking", "years", 0.1),
    "replacement": Parameter("arrested traffickers whose place is taken", "share", 0, 1),
    "replacement_years": Parameter("how long until that place is taken", "years", _SHORT),
    "freed_by_trafficker_arrest": Parameter(
        "exploited people who get free when their trafficker is arrested", "share", 0, 1
    ),
    "custody_days": Parameter("how long an arrested exploited person is held", "days", 0.1, 3653),
    "exit_at_arrest": Parameter(
        "arrests of exploited people that end the exploitation", "share", 0, 1
    ),
    "indoors_per_exploited_arrest": Parameter(
        "people driven indoors by an arrest of an exploited person", "people"
    ),
    "indoors_per_buyer_arrest": Parameter(
        "people driven indoors by an arrest of a buyer", "people"
    ),
    "displacement": Parameter(
        "lost buying and replaced traffickers that turn up in another city", "share", 0, 1
    ),
    "harm_hidden": Parameter("harm of a hidden year against a visible one", "times"),
    "harm_of_arrest": Parameter(
        "harm of an arrest to an exploited person: custody and a record",
        "years of visible exploitation",
    ),
    "harm_of_buyer_focus": Parameter(
        "how much worse a visible year is where all hours go to buyers, and none did before",
        "times",
        -1,
    ),
    "cost_per_hour": Parameter("cost of an hour of police work", "US dollars"),
    "cost_per_arrest": Parameter(
        "cost of an arrest beyond these hours: court and jail", "US dollars"
    ),
}
"""Every parameter of the market, in the order of the compiled kernel."""

GROUPS = ("exploited", "buyers", "traffickers")


@dataclass(frozen=True, eq=False)
class Run:
    """What became of n markets in C cities over Y years.

    Attributes
    ----------
    visible_years, hidden_years : array, shape (n, C)
        Person-years of exploitation, in sight and hidden.
    arrests : dict of group to array, shape (n, C)
        Arrests of exploited people, buyers and traffickers.
    deterred : array, shape (n, C)
        Buying that did not take place, the mean over the years, in buyers' worth: what all buyers
        of the city would buy less what is bought there, also by those of other cities.
    harm, cost : array, shape (n, C)
        In years of a visible exploited person, and in dollars.
    path : array, shape (n, Y + 1)
        Exploited people in all cities at the end of each year, the start first.
    ledger : dict of group to array, shape (n, C, 5)
        At the start, entered, left, the balance of moves between cities, at the end.
    """

    visible_years: Floats
    hidden_years: Floats
    arrests: dict[str, Floats]
    deterred: Floats
    harm: Floats
    cost: Floats
    path: Floats
    ledger: dict[str, Floats]


def simulate(
    parameters: dict[str, npt.ArrayLike],
    sizes: npt.ArrayLike,
    today: npt.ArrayLike,
    hours: npt.ArrayLike,
    movement: npt.ArrayLike | None = None,
    *,
    years: int,
    seed: int,
    first: int = 0,
    same_chance: bool = False,
) -> Run:
    """Run n markets, each with its own parameters and its own chance.

    Parameters
    ----------
    parameters : dict of name to float or array, shape (n,)
        All of `PARAMETERS`.
    sizes : array, shape (n, C, 3)
        Exploited people, buyers (active and deterred) and traffickers at the start.
    today, hours : array, shape (C, 3)
        Hours a year spent on each group today, from which the flows of today follow, and in the
        years simulated.
    movement : array, shape (C, C), optional
        From city (row) to city, chances a month; nobody moves where it is left out.
    years : int
    seed : int
        The k-th market has the same random numbers for a seed whatever the hours.
    first : int
        The number of the first market, where they are worked on in pieces.
    same_chance : bool
        Whether all markets have the random numbers of the first.

    Raises
    ------
    InputError
        If a parameter is missing, or a shape does not fit.

    Examples
    --------
    >>> ones = {name: max(1.0, each.low) for name, each in PARAMETERS.items()}
    >>> quiet = {**ones, "entry_ratio": 0.0, "stay": 2.0}
    >>> none = [[0, 0, 0]]
    >>> run = simulate(quiet, [[[1000, 0, 0]]], none, none, years=2, seed=1)
    >>> run.path.tolist()
    [[1000.0, 619.0, 362.0]]
    """
    size = np.ascontiguousarray(sizes, float)
    if size.ndim != 3 or size.shape[2] != len(GROUPS):
        raise InputError(f"Sizes have the shape (markets, cities, 3), not {size.shape}.")
    n, cities = size.shape[:2]
    wrong = set(PARAMETERS) ^ set(parameters)
    if wrong:
        raise InputError(f"These parameters are missing or unknown: {', '.join(sorted(wrong))}.")
    p = np.empty((n, len(PARAMETERS)))
    for j, name in enumerate(PARAMETERS):
        p[:, j] = parameters[name]
    move = np.eye(cities) if movement is None else np.ascontiguousarray(movement, float)
    spent = [np.ascontiguousarray(each, float) for each in (today, hours)]
    for each, shape in ((spent[0], (cities, 3)), (spent[1], (cities, 3)), (move, (cities, cities))):
        if each.shape != shape:
            raise InputError(f"Hours or movement have the shape {each.shape}, not {shape}.")
    out = np.zeros((n, cities, _market.OUTCOMES))
    ledger = np.zeros((n, cities, _market.GROUPS, _market.LEDGER))
    path = np.zeros((n, years + 1))
    keys = keys_of(seed, np.full(n, first) if same_chance else np.arange(first, first + n))
    _market.many(p, size, *spent, move, years, keys, out, ledger, path)
    return Run(
        visible_years=out[:, :, 0],
        hidden_years=out[:, :, 1],
        arrests={group: out[:, :, 2 + j] for j, group in enumerate(GROUPS)},
        deterred=out[:, :, 5],
        harm=out[:, :, 6],
        cost=out[:, :, 7],
        path=path,
        ledger={group: ledger[:, :, j] for j, group in enumerate(GROUPS)},
    )


def keys_of(seed: int, markets: npt.ArrayLike) -> npt.NDArray[np.uint64]:
    """The key of each market's random numbers: a hash of the seed and of its number."""
    which = np.asarray(markets, np.uint64)
    with np.errstate(over="ignore"):
        z = which * np.uint64(0xD1342543DE82EF95) + np.uint64((2 * seed + 1) % 2**64)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            z = (z ^ (z >> np.uint64(shift))) * np.uint64(factor)
        return z ^ (z >> np.uint64(31))
