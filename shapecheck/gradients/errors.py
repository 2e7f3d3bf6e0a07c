"""What a gradient check raises: the evidence as attributes, the message built from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shapecheck.gradients.result import GradientReport


def _rebuild(cls: type[GradientCheckError], message: str, state: dict[str, Any]) -> GradientCheckError:
    error = cls.__new__(cls)
    Exception.__init__(error, message)
    error.__dict__.update(state)
    return error


class GradientCheckError(Exception):
    """Base of everything that a gradient check raises on purpose; `str(error)` says what to do.

    Attributes:
        evidence: What the message was built from, as plain values. Each key is an attribute of the error as well.
    """

    def __init__(self, message: str, /, **evidence: Any) -> None:
        super().__init__(message)
        self.evidence = evidence
        for name, value in evidence.items():
            setattr(self, name, value)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        # pytest-xdist sends exceptions between processes; the default would call __init__ without the evidence.
        return _rebuild, (type(self), str(self), dict(self.__dict__))


class GradientMismatchError(GradientCheckError, AssertionError):
    """The gradients are not the derivatives of the loss; the message is the diagnosis.

    Attributes:
        report: The `GradientReport` that the message was made of, or None.
    """

    report: GradientReport | None = None


class NondeterministicLossError(GradientCheckError, AssertionError):
    """Two identical evaluations differ, so that no difference of two of them says anything.

    Attributes:
        report: The `GradientReport`, or None where the check stopped before there was one.
        generators: The random generators that moved, as one would write them (`np.random`); may be empty.
    """

    report: GradientReport | None = None
    generators: Sequence[str] = ()


class ShapeMismatchError(GradientCheckError, AssertionError):
    """An array has not the shape that it must have.

    Attributes:
        name: The user's name of the array.
        actual: Its shape.
        expected: The shape it should have.
        hint: The likely missing sum, transpose or reshape; empty where none fits.
    """

    name: str = ""
    actual: tuple[int, ...] = ()
    expected: tuple[int, ...] = ()
    hint: str = ""


class LossError(GradientCheckError, ValueError):
    """The loss cannot be differentiated as it stands: not a scalar, NaN, or called in a way it does not take."""


class ParameterError(GradientCheckError, TypeError):
    """A parameter cannot be perturbed: an integer, read-only, or sharing memory with another."""


class MissingGradientError(GradientCheckError, KeyError):
    """A parameter has no gradient, or a gradient has no parameter."""

    def __str__(self) -> str:
        return str(self.args[0])  # KeyError would print the repr


class MutationError(GradientCheckError, AssertionError):
    """The loss or the backward pass changed a parameter that it should only read."""
