"""Derivatives by a complex step: one evaluation, exact to rounding, on the very branches that the real loss takes.

    d/dt L(p + t v) at t = 0  =  Im L(p + i h v) / h,    h so small that h**2 is nothing

It knows when it cannot be had and which call is to blame; whether it can be believed is decided elsewhere, by holding
it against real differences.
"""

from __future__ import annotations

import linecache
import math
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from shapecheck.gradients.parameters import Direction
from shapecheck.gradients.reachable import Place
from shapecheck.gradients.stepped_array import STEP, Passage, RefusedError, SteppedArray, passage, rounded
from shapecheck.gradients.stepped_rules import register
from shapecheck.gradients.substitution import Substitution
from shapecheck.trace.libraries import is_of_a_library

_OURS = str(Path(__file__).parent)


@dataclass(frozen=True)
class ExactSlope:
    """A derivative along a direction, with what the evaluation met on its way.

    Attributes:
        value: The derivative.
        loss: The real part: the loss itself.
        ties: Entries that were exactly at a kink.
        guarded: Entries that a guard (a clip, a + 1e-8 inside a logarithm) changed noticeably.
        cancelled: Numbers so small that few digits may be left of them, of which a logarithm was taken.
    """

    value: float
    loss: float
    ties: int
    guarded: int
    cancelled: int


class ComplexStep:
    """Complex-step derivatives of a loss.

    Attributes:
        blame: Why there are none, naming the user's call; empty while there are.
    """

    def __init__(self, substitution: Substitution) -> None:
        self.substitution = substitution
        self.blame = ""
        register()
        if substitution.missing:
            names = ", ".join(f"`{n}`" for n in substitution.missing)
            self.blame = f"no complex step: no place was found where the loss reads {names}"

    def slope(self, direction: Direction, way: Passage | None = None) -> ExactSlope | None:
        """The derivative along `direction`; None where a complex step does not pass (see `blame`).

        Args:
            direction: By parameter name; the others stay.
            way: What to do at kinks and guards.
        """
        if self.blame:
            return None
        now = replace(way) if way is not None else Passage()
        token = passage.set(now)
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                warnings.simplefilter("error", np.exceptions.ComplexWarning)
                result = self.substitution.evaluate(self._stepped(direction, now), self._data(now))
        except Exception as error:
            if not now.unguarded and now.coarse is None:
                self.blame = _blame(error)
            return None
        finally:
            passage.reset(token)
        return self._read(result, now)

    def _read(self, result: Any, now: Passage) -> ExactSlope | None:
        value = complex(result)
        if now.floats > 1 or (now.float_of is not None and now.float_of.real != value.real):
            # Only the loss itself may be made a float: of anything else the derivative is lost there.
            at = _at(*now.float_at) if now.float_at is not None else ""
            self.blame = f"no complex step{at}: an array of floats, float() or the math module takes no complex"
            return None
        if isinstance(result, float | np.floating):
            if now.float_of is None:
                return ExactSlope(0.0, float(result), now.ties, now.guarded, now.cancelled)
            value = now.float_of
        slope = value.imag / STEP
        if not (math.isfinite(slope) and math.isfinite(value.real)):
            return None
        return ExactSlope(slope, value.real, now.ties, now.guarded, now.cancelled)

    def _data(self, now: Passage) -> list[tuple[Place, Any]]:
        """The data that the loss reads, in coarse arithmetic too: targets that probabilities are subtracted from."""
        coarse = now.coarse
        if coarse is None:
            return []
        return [(place, coarse(place.value.astype(np.float64))) for place in self.substitution.data]

    def _stepped(self, direction: Direction, now: Passage) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for parameter in self.substitution.objective.params:
            center = parameter.center
            if now.coarse is not None:
                stepped = np.empty(parameter.shape, dtype=np.complex128)
                stepped.real = center
                stepped.imag = STEP * direction[parameter.name] if parameter.name in direction else 0.0
                values[parameter.name] = rounded(stepped).view(SteppedArray)
                continue
            if parameter.name not in direction:
                values[parameter.name] = center.astype(np.float64) if center.dtype != np.float64 else center
                continue
            stepped = np.empty(parameter.shape, dtype=np.complex128)
            stepped.real = center
            stepped.imag = STEP * direction[parameter.name]
            values[parameter.name] = stepped.view(SteppedArray)
        return values


def _at(filename: str, line: int) -> str:
    text = linecache.getline(filename, line).strip()
    return f" at {Path(filename).name}:{line}" + (f", `{text}`" if text else "")


def _blame(error: Exception) -> str:
    """The user's line that a complex number did not pass, and why."""
    where = ""
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        filename = trace.tb_frame.f_code.co_filename
        if not (is_of_a_library(filename) or _OURS in filename):
            where = _at(filename, trace.tb_lineno)
        trace = trace.tb_next
    what = f"{error} has no complex rule" if isinstance(error, RefusedError) else str(error).partition("\n")[0]
    return f"no complex step{where}: {what}"
