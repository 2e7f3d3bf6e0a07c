"""The catalogue of findings: every stable code with its short title and how serious it is by default."""

from __future__ import annotations

from dataclasses import dataclass

from shapecheck.diagnose.finding import Severity


@dataclass(frozen=True)
class Code:
    """One kind of finding; `title` is lower-case and has no final stop."""

    code: str
    title: str
    severity: Severity


FAMILIES: dict[str, str] = {
    "SC1": "shape errors that stop the program",
    "SC2": "silent broadcasts that change the meaning",
    "SC3": "wrong gradients",
    "SC4": "wrong updates and training loops",
    "SC5": "numerics",
    "SC9": "what shapecheck could not do",
}

_CATALOGUE = (
    Code("SC101", "a matrix product whose inner dimensions do not fit", "error"),
    Code("SC102", "shapes that do not broadcast", "error"),
    Code("SC103", "an update that would change the parameter's shape", "error"),
    Code("SC104", "a reshape to a shape of another size", "error"),
    Code("SC105", "an array made from a ragged list", "error"),
    Code("SC106", "an assignment into an array that it does not fit", "error"),
    Code("SC107", "arrays that cannot be concatenated or stacked", "error"),
    Code("SC108", "a function of single numbers given an array", "error"),
    Code("SC109", "an array used as output by accident", "error"),
    Code("SC110", "the program's own shape assertion failed", "error"),
    Code("SC111", "a tuple where a number belongs", "error"),
    Code("SC112", "another shape error", "error"),
    Code("SC201", "a difference that was silently broadcast to a matrix", "error"),
    Code("SC202", "a parameter that grew by broadcasting", "error"),
    Code("SC203", "a comparison that was silently broadcast", "warning"),
    Code("SC301", "the wrong activation derivative", "error"),
    Code("SC302", "a gradient with a wrong factor", "error"),
    Code("SC303", "a gradient with the wrong sign", "error"),
    Code("SC304", "a bias gradient that is not summed over the samples", "error"),
    Code("SC305", "a gradient made from the wrong operand or layer", "error"),
    Code("SC306", "a gradient with a missing term or path", "error"),
    Code("SC307", "a missing or extra transpose in the backward pass", "error"),
    Code("SC308", "the loss is not the one that is differentiated", "error"),
    Code("SC309", "a gradient expression that is wrong otherwise", "error"),
    Code("SC401", "weights that are updated before they are used", "error"),
    Code("SC402", "an update that climbs the loss", "error"),
    Code("SC403", "an accumulator that is never reset", "error"),
    Code("SC404", "an array that is changed while somebody else still needs it", "error"),
    Code("SC405", "integer arrays that cut the values off", "error"),
    Code("SC406", "a parameter that is never updated, or twice", "error"),
    Code("SC407", "inputs and targets that are shuffled apart", "error"),
    Code("SC408", "a gradient that is computed once and applied again and again", "error"),
    Code("SC409", "rows of the data that are lost", "error"),
    Code("SC410", "optimizer state that several parameters share", "error"),
    Code("SC411", "a result that is thrown away", "error"),
    Code("SC501", "overflow or NaN", "warning"),
    Code("SC502", "the logarithm of zero", "warning"),
    Code("SC503", "units that are saturated from the start", "warning"),
    Code("SC504", "equal initial weights", "warning"),
    Code("SC505", "targets that the output cannot reach", "warning"),
    Code("SC506", "an output that is the same whatever comes in", "error"),
    Code("SC901", "no array operations were seen", "note"),
    Code("SC902", "the program did not end in time", "note"),
    Code("SC903", "repairs could not be tried", "note"),
    Code("SC904", "the run was cut short", "note"),
)

CODES: dict[str, Code] = {entry.code: entry for entry in _CATALOGUE}


def family(code: str) -> str:
    """Name the family that a code belongs to: "SC101" -> "shape errors that stop the program"."""
    return FAMILIES[code[:3]]
