"""Names the line that makes a gradient wrong: one more call is recorded, and its backward pass held against adjoints.

Says nothing where the source cannot be had, where the recorded loss does not move as the real one does, or where no
expression explains the gradients that are wrong.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import numpy as np

from shapecheck.diagnose.known_loss import Accused, accuse, adjoints_of
from shapecheck.diagnose.misnamed import Misnamed, misnamed
from shapecheck.diagnose.reasons import most_telling
from shapecheck.gradients.adjoints import Adjoints
from shapecheck.gradients.errors import GradientCheckError
from shapecheck.gradients.origin import Origin
from shapecheck.gradients.result import GradientReport, Verdict
from shapecheck.trace.live import CannotRecordError
from shapecheck.trace.sites import SourceText
from shapecheck.verification.calling import silence
from shapecheck.verification.mending import Blamed, mended
from shapecheck.verification.traced_call import Subject, TracedCall, record

_MOST = 3
# How far a recorded adjoint may be from the slope of the real loss, relative: differences are taken at one step only.
_SLACK = 2e-3


def origins(subject: Subject, report: GradientReport) -> tuple[Origin, ...]:
    """The expressions to blame for the gradients that a report calls wrong, the most telling first.

    Args:
        subject: What was checked.
        report: What the check found.

    Returns:
        Nothing where it cannot be told; a fault of ours costs the lines, and never the report.
    """
    try:
        with silence(), np.errstate(all="ignore"):
            return _origins(subject, report)
    except (CannotRecordError, GradientCheckError):
        return ()
    except Exception:
        if os.environ.get("SHAPECHECK_DEBUG"):
            raise
        return ()


def _origins(subject: Subject, report: GradientReport) -> tuple[Origin, ...]:
    wrong = {row.name for row in report if row.verdict is Verdict.WRONG}
    call = record(subject)
    if not wrong & {pair.name for pair in call.known.pairs}:
        return ()
    found = adjoints_of(call.tape, call.known)
    if not _moves_alike(subject, call, found):
        return ()
    accused = accuse(found, call.known)
    right = {row.name for row in report if row.verdict is Verdict.RIGHT}
    if not accused.wrong or not accused.wrong <= wrong or accused.wrong & right:
        return ()
    return tuple(mended(subject, call, accused, list(_described(call, accused))))


def _moves_alike(subject: Subject, call: TracedCall, found: Adjoints) -> bool:
    """Whether the adjoint of every parameter is the slope of the loss that the user's own code computes."""
    rng = np.random.default_rng(5)
    for pair in call.known.pairs:
        value = np.asarray(call.tape.values[pair.parameter].array)
        adjoint = np.asarray(found[pair.parameter], dtype=float)
        norm = float(np.linalg.norm(adjoint))
        if pair.parameter in found.doubtful or not np.isfinite(norm):
            return False
        direction = rng.normal(size=value.shape)
        direction = direction / (np.linalg.norm(direction) or 1.0) + (adjoint / norm if norm else 0.0)
        single = value.dtype.kind == "f" and np.finfo(value.dtype).eps > 1e-10
        step = (1e-2 if single else 1e-6) * max(float(np.sqrt(np.mean(np.square(value)))), 1e-3)
        above, below = (
            subject.loss_with(pair.name, np.asarray(value, np.float64) + sign * step * direction) for sign in (1, -1)
        )
        slope = (above - below) / (2 * step)
        rounding = (1e-5 if single else 1e-13) * max(abs(above), abs(below)) / step
        slack = _SLACK * (10 if single else 1)
        if not abs(slope - float(np.sum(adjoint * direction))) <= slack * norm * np.linalg.norm(direction) + rounding:
            return False
    return True


def _described(call: TracedCall, accused: Accused) -> Iterable[Blamed]:
    found = misnamed(accused, call.tape, call.forward) if accused.suspects else None
    if found is not None and found.site.path in call.sources:
        yield Blamed(_at_its_name(call, accused, found), None)
        return
    for first in accused.suspects[:_MOST]:
        suspect, why = most_telling(accused, first, call.tape)
        made = accused.known.producer(suspect.values[0])
        if made is None or accused.known.replay.step(made) is None:
            continue  # its result is not what its operands give: something else has changed it since
        site = call.tape.sites[suspect.origin if suspect.origin is not None else suspect.site]
        source = call.sources.get(site.path)
        if source is None:
            continue
        place = (site.line, site.column, site.end_line, site.end_column)
        explained = tuple(accused.names[p] for p in suspect.explains if p in accused.names)
        yield Blamed(_origin(source, place, site.function, explained, why.text), suspect)


def _at_its_name(call: TracedCall, accused: Accused, found: Misnamed) -> Origin:
    source = call.sources[found.site.path]
    why = (
        f"under the name `{found.name}` another value is kept here; with `{found.name}` itself every gradient is right"
    )
    wrong = tuple(name for name in accused.names.values() if name in accused.wrong)
    return _origin(source, found.place(source), found.site.function, wrong, why)


def _origin(
    source: SourceText, place: tuple[int, int, int, int], function: str, parameters: tuple[str, ...], why: str
) -> Origin:
    text = tuple(line.rstrip("\n") for line in source.lines[place[0] - 1 : place[2]])
    return Origin(source.path, *place, source.slice(*place), text, function, parameters, why)


__all__ = ["origins"]
