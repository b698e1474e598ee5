"""The twelve things that make a message creepy, each from 0 to 1, and the four causes that pairs of them add."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from streamproc.core.creep.model import Scales


class Factors(msgspec.Struct, frozen=True, gc=False):
    """How strong each cause is in one message, in [0, 1]; their order is that of `model.WEIGHTS`."""

    obtrusiveness: float = 0.0
    provenance: float = 0.0
    context_distance: float = 0.0
    specificity: float = 0.0
    immediacy: float = 0.0
    opacity: float = 0.0
    repetition: float = 0.0
    staleness: float = 0.0
    exposure: float = 0.0
    untimeliness: float = 0.0
    invalidity: float = 0.0
    sensitivity: float = 0.0


def strengths(factors: Factors) -> tuple[float, ...]:
    """Return the factors, and the causes that pairs of them add, in the order of the model's weights; each in [0, 1].

    The causes are products, so that none falls where a factor rises.
    """
    personal = max(factors.provenance, factors.context_distance)
    return (
        *msgspec.structs.astuple(factors),
        factors.obtrusiveness * factors.specificity,
        factors.opacity * personal,
        factors.immediacy * factors.obtrusiveness,
        factors.sensitivity * factors.exposure,
    )


def softened(factors: Factors, scales: Scales) -> Factors:
    """Return what soft words leave: a category at most, discreet, with reason and control."""
    return msgspec.structs.replace(
        factors,
        specificity=min(factors.specificity, scales.specificity["category"]),
        opacity=0.0,
        sensitivity=factors.sensitivity * scales.soft_sensitivity,
    )


def waited(factors: Factors, scales: Scales) -> Factors:
    """Return what waiting leaves: nothing of haste, and less repetition."""
    return msgspec.structs.replace(
        factors, immediacy=0.0, repetition=factors.repetition * scales.deferred_repetition
    )


def deferred(factors: Factors, scales: Scales) -> Factors:
    """Return what waiting for a natural moment leaves: nothing of a late hour either."""
    return msgspec.structs.replace(waited(factors, scales), untimeliness=0.0)
