"""One footing for people counted in times of different lengths.

All the people of six years are more than those of one year, and those more than the people at one
moment. How many more depends on how long a person stays in the situation: by Little's law (1961,
Operations Research 9:383–387) a steady stock of S people who each stay d years is renewed by S / d
people a year, so that in a time of T years

    N(T) = S + T S / d = (S / d) (d + T)

different people are in it. From T to T' the number changes by (d + T') / (d + T). With d = 0 each
year's people are new, and a yearly average is right; with long stays it is far too low.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from darkfigure.errors import InputError


@dataclass(frozen=True)
class Footing:
    """What all places are brought to.

    Parameters
    ----------
    years : float
        The time in which people are counted: 1 is all people of a year, 0 all at one moment.
    stay : tuple of two floats, optional
        How long a person stays in the situation, in years: the least and the most that is thought
        possible, every length between equally likely on the logarithm. None where it is not
        stated; then times of different lengths cannot be brought together.

    Raises
    ------
    InputError
        If a number is negative, or the two are not in order.

    Examples
    --------
    >>> Footing(1.0, (3.0, 3.0)).factor(6.0, np.array([0.5])).tolist()
    [0.4444444444444444]
    """

    years: float = 1.0
    stay: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.years) and self.years >= 0):
            raise InputError(f"The footing is a time in years, 0 or more, not {self.years:g}.")
        if self.stay is not None:
            least, most = self.stay
            if not (0 <= least <= most < math.inf):
                raise InputError(
                    "How long people stay is one number of years, or the least and the most, in "
                    f"this order and not negative; not {least:g} and {most:g}."
                )
            if least == 0 < most:
                raise InputError(
                    "A stay of 0 years (every year's people are new) stands alone; in a range give "
                    "the least stay as a part of a year, such as 0.1."
                )

    @property
    def words(self) -> str:
        """What is counted.

        Examples
        --------
        >>> Footing(0).words, Footing(1).words, Footing(6).words
        ('people at one moment', 'people of one year', 'people of 6 years')
        """
        if self.years == 0:
            return "people at one moment"
        return "people of one year" if self.years == 1 else f"people of {self.years:g} years"

    def factor(
        self, years: float, at: npt.NDArray[np.float64], place: str = "a place"
    ) -> npt.NDArray[np.float64]:
        """By how much the number of people of some years is to be multiplied.

        Parameters
        ----------
        years : float
            The time in which they were counted.
        at : array of float, shape (draws,)
            Between 0 and 1: where in the range of the stay each draw is.
        place : str
            Whose they are, for the refusal.

        Raises
        ------
        InputError
            If the times differ and the stay is not stated, or people who do not stay are to be
            counted at one moment.
        """
        if years == self.years:
            return np.ones_like(at)
        if self.stay is None:
            raise InputError(
                f"{place} counts the {Footing(years).words}, and the others the {self.words}. "
                "These cannot be brought together unless it is stated how long a person stays in "
                "this situation, in years (one number, or the least and the most; 0 if every "
                "year's people are new): --stay on the command line, stay under [footing] in a "
                "study."
            )
        least, most = self.stay
        if most == 0:
            if years == 0 or self.years == 0:
                raise InputError(
                    f"{place}: with a stay of 0 years nobody is there at any one moment, so that a "
                    "count at one moment and a count of years cannot be brought together."
                )
            return np.full_like(at, self.years / years)
        stay = least * (most / least) ** at
        return np.asarray((stay + self.years) / (stay + years))
