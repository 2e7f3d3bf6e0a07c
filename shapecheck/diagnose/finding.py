"""Findings as plain data: what is wrong, where it surfaced, where it began, and what makes it right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]
Confidence = Literal["verified", "plausible"]
Outcome = Literal["finished", "exception", "timeout", "exit"]
Status = Literal["findings", "clean", "incomplete"]
Shape = tuple[int, ...]
# What line numbers count in: a file, or one cell of a notebook.
File = tuple[str, int | None]


@dataclass(frozen=True)
class Span:
    """A piece of the user's source: 1-based, end exclusive, columns in characters; in a notebook, of one cell."""

    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    source: str
    cell: int | None = None

    @property
    def file(self) -> File:
        """What its lines count in."""
        return (self.path, self.cell)


@dataclass(frozen=True)
class Operand:
    """One array of the failing expression: its source text, its shape, and the shape it should have, if known."""

    source: str
    shape: Shape
    expected: Shape | None = None
    span: Span | None = None


@dataclass(frozen=True)
class TrailStep:
    """One station on the way from the cause to where the mistake surfaced."""

    span: Span
    note: str


@dataclass(frozen=True)
class Edit:
    """Replace the text between two positions (1-based, end exclusive, columns in characters; of one cell)."""

    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    replacement: str
    cell: int | None = None

    @property
    def file(self) -> File:
        """What its lines count in."""
        return (self.path, self.cell)


@dataclass(frozen=True)
class Fix:
    """A set of edits that belong together, with the evidence that a trial gave for them.

    `evidence` holds plain JSON values; `summary` is the one sentence a reader sees ("runs to the end; dW and db of
    both layers match numeric gradients").
    """

    title: str
    confidence: Confidence
    edits: tuple[Edit, ...]
    summary: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with the user's program.

    Attributes:
        code: Stable code, `SC101`...; `python -m shapecheck explain CODE` shows its page.
        severity: `error` for what breaks the program or its gradients, `warning` for what is very likely meant
            otherwise, `note` for the rest.
        title: What is wrong, in the user's names; lower-case start, no final stop; stands alone.
        message: One or two sentences more: the shapes as they are and as they should be, and why.
        location: Where it surfaced.
        cause: Where it began, which is where an edit belongs.
        layer: Counted from the input, 1-based; None where no single layer is meant.
        parameters: The user's names of the parameters concerned.
        operands: The arrays of the failing expression with their shapes.
        trail: The places between cause and location, the cause first.
        fixes: Best first.
    """

    code: str
    severity: Severity
    title: str
    message: str
    location: Span
    cause: Span
    layer: int | None = None
    parameters: tuple[str, ...] = ()
    operands: tuple[Operand, ...] = ()
    trail: tuple[TrailStep, ...] = ()
    fixes: tuple[Fix, ...] = ()


@dataclass(frozen=True)
class LayerSummary:
    """One layer of the user's network, as the report shows it."""

    index: int
    parameters: tuple[str, ...]
    shapes: tuple[Shape, ...]
    activation: str | None = None


@dataclass(frozen=True)
class LossSummary:
    """The loss that gradients were held against; `inferred` when the program never computes one."""

    source: Span | None
    formula: str
    inferred: bool


@dataclass(frozen=True)
class NetworkSummary:
    """The user's network, as the report shows it; `layout` is batch-first, features-first or single-sample."""

    layout: str
    loss: LossSummary | None
    layers: tuple[LayerSummary, ...]


@dataclass(frozen=True)
class ProgramOutcome:
    """How the user's program ended; `exception` is (type name, message)."""

    outcome: Outcome
    exception: tuple[str, str] | None
    seconds: float
    exit_code: int | None = None


@dataclass(frozen=True)
class Diagnosis:
    """Everything that one `diagnose` run has to say; the renderers read this and nothing else.

    `texts` are the sources that are no file by themselves: a notebook's cells, a program from standard input. `hurried`
    is whether the time was up before everything was looked at.
    """

    script: str
    status: Status
    program: ProgramOutcome
    network: NetworkSummary | None
    findings: tuple[Finding, ...]
    texts: Mapping[File, str] = field(default_factory=dict)
    hurried: bool = False
