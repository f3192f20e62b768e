"""The Universal Scalability Law, fitted to measured rates.

    X(N) = rate N / (1 + contention (N - 1) + coherency N (N - 1))

N. J. Gunther, "A Simple Capacity Model of Massively Parallel Transaction Systems" (CMG 1993), and "Guerrilla Capacity
Planning" (Springer 2007). `rate` is what one buyer alone would reach; `contention` is the share that only one may do at
a time; `coherency` is what it costs each pair of buyers to agree. With contention 1 and coherency 0, a guard serves
one buyer at a time, and more buyers only wait.

N / X(N) is linear in a = 1 / rate, b = contention / rate and c = coherency / rate. So least squares need no iteration.
Rates are off by a share of themselves and not by an amount; so each equation is divided by its N / X, and relative
errors are minimised. None of the three may be negative. With so few of them every choice of those that are 0 is tried,
and the best fit without a negative one is the minimum (C. L. Lawson, R. J. Hanson, "Solving Least Squares Problems",
1974, chapter 23). All sums are exact fractions: the powers of N differ too much for sums of floats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from typing import Final

LEAST_SIZES: Final = 3
"""How many sizes a fit needs: it has three parameters."""

_Equation = tuple[Fraction, Fraction, Fraction]
"""The factors of a, b and c in an equation whose right side is 1."""


@dataclass(frozen=True, slots=True)
class ScalabilityLaw:
    """A fitted law; `rate` is in sales a second of one buyer, the two others have no unit."""

    rate: float
    contention: float
    coherency: float

    def at(self, buyers: int) -> float:
        """Return the sales a second of so many buyers."""
        pairs = buyers * (buyers - 1)
        return self.rate * buyers / (1 + self.contention * (buyers - 1) + self.coherency * pairs)


def fit_scalability(rates: Mapping[int, float]) -> ScalabilityLaw | None:
    """Return the law that fits sales a second by number of buyers best; None if no finite rate does.

    There must be `LEAST_SIZES` numbers of buyers or more, and every rate must be above 0.
    """
    equations: list[_Equation] = []
    for buyers, rate in rates.items():
        weight = Fraction(rate) / buyers
        equations.append((weight, weight * (buyers - 1), weight * buyers * (buyers - 1)))
    fits = []
    for free in (each for count in (1, 2, 3) for each in combinations(range(3), count)):
        found = _least_squares(equations, free)
        if found is not None and min(found) >= 0:
            fits.append(found)
    a, b, c = min(fits, key=lambda each: _squares(equations, each))
    return ScalabilityLaw(float(1 / a), float(b / a), float(c / a)) if a else None


def _squares(equations: Sequence[_Equation], found: _Equation) -> Fraction:
    return sum(
        ((sum((x * y for x, y in zip(each, found, strict=True)), Fraction()) - 1) ** 2 for each in equations),
        Fraction(),
    )


def _least_squares(equations: Sequence[_Equation], free: Sequence[int]) -> _Equation | None:
    """Solve the normal equations for the parameters that are `free`; the others are 0. None if they have no solution.

    Elimination without a choice of pivots: the matrix is positive definite, or singular.
    """
    rows = [[sum((each[i] * each[j] for each in equations), Fraction()) for j in free] for i in free]
    for row, i in zip(rows, free, strict=True):
        row.append(sum((each[i] for each in equations), Fraction()))
    for place, pivot in enumerate(rows):
        if not pivot[place]:
            return None
        pivot[:] = [value / pivot[place] for value in pivot]
        for row in rows:
            if row is not pivot:
                row[:] = [value - row[place] * other for value, other in zip(row, pivot, strict=True)]
    solved = dict(zip(free, (row[-1] for row in rows), strict=True))
    return solved.get(0, Fraction()), solved.get(1, Fraction()), solved.get(2, Fraction())
