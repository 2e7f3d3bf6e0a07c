"""Why an expression is wrong, in a sentence of calculus: what it is, what it should be, and what tells the two apart."""

from __future__ import annotations

from shapecheck.diagnose.gradient import Suspect
from shapecheck.diagnose.known_loss import Accused
from shapecheck.network.parameters import value_names
from shapecheck.trace.tape import Tape


def reason(accused: Accused, suspect: Suspect, tape: Tape) -> str:
    return f"{suspect.reason} {suspect.scale} {[ (value_names(tape).get(f),) for f,_ in suspect.wanted.values()]}"
