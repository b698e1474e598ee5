"""How creepy a message is, in [0, 1]: the chance that one of its causes is enough, if each were enough by itself.

A noisy-or: `1 - prod(1 - w_i f_i) prod(1 - v_j x_j)`. Each weight reads as the chance that this cause alone, at full
strength, puts somebody off; a cause that is not there drops out, more of any cause never lowers the score, and one
severe cause is enough. For a customer whose wariness is s it is `1 - (1 - score) ** s`.
"""

from __future__ import annotations

from math import log1p
from typing import TYPE_CHECKING, Final

from streamproc.core.creep.factors import Factors, strengths
from streamproc.core.creep.model import INTERACTIONS, WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamproc.core.creep.model import Model

NAMES: Final = (*WEIGHTS, *INTERACTIONS)
DIGITS: Final = 6
"""How exactly scores are compared and recorded, so that they are the same on every machine."""


def score(model: Model, factors: Factors, wariness: float = 1.0) -> float:
    """Return the score, in [0, 1]; below 1 while every weight is."""
    o, p, x, s, i, q, r, a, e, u, v, t, loud_specific, covert_personal, loud_now, exposed = model.order
    obtrusiveness, provenance, distance = (
        factors.obtrusiveness,
        factors.provenance,
        factors.context_distance,
    )
    specificity, immediacy, opacity = factors.specificity, factors.immediacy, factors.opacity
    exposure, sensitivity = factors.exposure, factors.sensitivity
    calm: float = (
        (1 - o * obtrusiveness)
        * (1 - p * provenance)
        * (1 - x * distance)
        * (1 - s * specificity)
        * (1 - i * immediacy)
        * (1 - q * opacity)
        * (1 - r * factors.repetition)
        * (1 - a * factors.staleness)
        * (1 - e * exposure)
        * (1 - u * factors.untimeliness)
        * (1 - v * factors.invalidity)
        * (1 - t * sensitivity)
        * (1 - loud_specific * obtrusiveness * specificity)
        * (1 - covert_personal * opacity * (provenance if provenance > distance else distance))  # noqa: FURB136 - thrice as quick
        * (1 - loud_now * immediacy * obtrusiveness)
        * (1 - exposed * sensitivity * exposure)
    )
    wary: float = calm**wariness
    return round(1 - wary, DIGITS)


def contributions(model: Model, factors: Factors, total: float) -> Mapping[str, float]:
    """Divide a score between its causes, by `-ln(1 - w f)`, the greatest first; what is not there has no part.

    The parts add up to `total`, whatever the wariness, which multiplies each logarithm alike.
    """
    logs: list[tuple[float, str]] = []
    for name, weight, value in zip(NAMES, model.order, strengths(factors), strict=True):
        if value and weight:
            logs.append((log1p(-weight * value), name))
    whole = sum([part for part, _ in logs])
    if not whole:
        return {}
    logs.sort()
    return {name: total * part / whole for part, name in logs}
