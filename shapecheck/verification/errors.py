"""What `verify` raises besides a wrong gradient: it does not know what to compare, and says how to tell it."""

from __future__ import annotations

from shapecheck.gradients.errors import GradientCheckError


class PairingError(GradientCheckError, ValueError):
    """It is not clear which gradient belongs to which parameter.

    Attributes:
        considered: The pairings that were considered, as text, one each.
    """

    considered: tuple[str, ...] = ()


class VerificationError(GradientCheckError, TypeError):
    """The loss, the forward pass or the backward pass cannot be called with what is at hand."""


class BackwardMutationError(GradientCheckError, AssertionError):
    """The backward pass changes something that it should only read, or answers differently the second time."""
