"""What a gradient check found, as plain data; decides nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from shapecheck.gradients.errors import GradientMismatchError, NondeterministicLossError
from shapecheck.gradients.origin import Origin
from shapecheck.gradients.rendering import as_dict, as_html, as_text, plot

Index = tuple[int, ...]


class Verdict(StrEnum):
    """What can be said of one parameter's gradient."""

    RIGHT = "right"
    WRONG = "wrong"
    CANNOT_TELL = "cannot tell"
    NOT_DETERMINISTIC = "not deterministic"


@dataclass(frozen=True)
class Entry:
    """One entry of a gradient: what the user's code says, and what the loss does."""

    index: Index
    analytic: float
    numeric: float


@dataclass(frozen=True)
class Symptom:
    """A transformation that turns the user's gradient into the numeric one.

    Attributes:
        kind: Stable word: `factor`, `transposed`, `permuted`, `missing term`, `missing factor`, `not summed`,
            `wrong axis`, `diagonal`, `overwritten`, `some rows`, `previous step`.
        parameters: The parameters concerned.
        message: One sentence for the reader, in their names.
        evidence: Plain values: the factor, what it equals...
        residual: What is left after the correction, relative to the numeric gradient.
    """

    kind: str
    parameters: tuple[str, ...]
    message: str
    evidence: dict[str, Any] = field(default_factory=dict)
    residual: float = 0.0


@dataclass(frozen=True)
class ParameterResult:
    """One row of the report.

    Attributes:
        name: The user's name.
        shape: Of the parameter.
        dtype: Of the parameter.
        norm: Euclidean norm of the user's gradient.
        relative_error: Largest difference seen, relative to the gradient along the same direction.
        tolerance: What `relative_error` may be, from the measured noise of the loss.
        verdict: See `Verdict`.
        reason: Why, in a few words; empty for an unremarkable `right`.
        method: How the numeric side was computed.
        worst: The entry that differs most, where one was looked for.
        rows: Indices along the first axis that are wrong, where they were looked for; None if not.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    norm: float
    relative_error: float
    tolerance: float
    verdict: Verdict
    reason: str = ""
    method: str = ""
    worst: Entry | None = None
    rows: tuple[int, ...] | None = None


@dataclass(eq=False)
class GradientReport:
    """What a gradient check found.

    Attributes:
        parameters: One row per parameter.
        symptoms: What the wrong gradients look like; empty where nothing fits.
        notes: What the reader should know besides: promoted dtypes, generators that were re-seeded, kinks.
        mode: `projection`, `joint`, `sampled` or `full`.
        seed: Of the random directions.
        reproduce: One line that repeats the check.
        loss: Its value at the parameters as given; the mean of two neighbouring values where it was not evaluated.
        noise: How far evaluations of it may be off.
        evaluations: How often the loss was evaluated.
        numeric: Numeric gradients, where the mode computes them entry by entry (`full`).
        analytic: The user's gradients that were compared.
        origins: The expressions of the user's source that make gradients wrong, where they could be found.
    """

    parameters: tuple[ParameterResult, ...]
    symptoms: tuple[Symptom, ...] = ()
    notes: tuple[str, ...] = ()
    mode: str = "projection"
    seed: int = 0
    reproduce: str = ""
    loss: float = math.nan
    noise: float = math.nan
    evaluations: int = 0
    numeric: dict[str, Any] = field(default_factory=dict, repr=False)
    analytic: dict[str, Any] = field(default_factory=dict, repr=False)
    origins: tuple[Origin, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong; `cannot tell` is not wrong."""
        return not any(p.verdict in {Verdict.WRONG, Verdict.NOT_DETERMINISTIC} for p in self.parameters)

    @property
    def decided(self) -> bool:
        """Whether every gradient was shown to be right."""
        return all(p.verdict is Verdict.RIGHT for p in self.parameters)

    def __bool__(self) -> bool:
        return self.ok

    def __iter__(self) -> Iterator[ParameterResult]:
        return iter(self.parameters)

    def __getitem__(self, name: str) -> ParameterResult:
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        raise KeyError(name)

    def wrong(self) -> tuple[ParameterResult, ...]:
        """The rows whose verdict is `wrong`."""
        return tuple(p for p in self.parameters if p.verdict is Verdict.WRONG)

    def raise_if_wrong(self) -> GradientReport:
        """Return the report itself, or raise what it found.

        Raises:
            GradientMismatchError: A gradient is wrong. The message is the diagnosis.
            NondeterministicLossError: Two identical evaluations differ.
        """
        if self.wrong():
            raise GradientMismatchError(str(self), report=self)
        if not self.ok:
            raise NondeterministicLossError(str(self), report=self)
        return self

    def __str__(self) -> str:
        return as_text(self)

    def _repr_html_(self) -> str:
        return as_html(self)

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:
        printer.text(str(self))

    def to_dict(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        return as_dict(self)

    def plot(self, name: str | None = None) -> Any:
        """Draw where the user's gradient and the numeric one differ, one heat map per parameter.

        Args:
            name: Only this parameter.

        Returns:
            The matplotlib figure.

        Raises:
            ImportError: matplotlib is not there.
            ValueError: There are no numeric gradients to draw: they are computed entry by entry in `full` mode only.
        """
        return plot(self, name)
