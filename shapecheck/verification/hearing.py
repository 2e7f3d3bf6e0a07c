"""Rewritings of a wrong expression heard in place: one call evaluates thousands of them where the expression stands."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from shapecheck.diagnose.known_loss import Accused
from shapecheck.diagnose.suspects import Suspect
from shapecheck.diagnose.targets import targets_of
from shapecheck.repair.aims import Aim, aims
from shapecheck.repair.audition import (
    LISTENER,
    Audition,
    Listener,
    Over,
    edited_slice,
    is_expression,
    rewritten_program,
)
from shapecheck.repair.candidate import Candidate, Place
from shapecheck.repair.rewritings import pairs_of, rewritings
from shapecheck.repair.surroundings import Surroundings
from shapecheck.repair.terms import worth_a_look
from shapecheck.trace.child import Trace
from shapecheck.trace.code_objects import replacements
from shapecheck.trace.live import exchanged
from shapecheck.verification.traced_call import Subject, TracedCall

_SECONDS = 1.0


class Hearing:
    """Finds the rewritings that give what the adjoints ask for; to be used in a process that may be spoilt.

    Args:
        subject: Is run, and put back.
        call: The recorded call.
        accused: With the adjoints.
    """

    def __init__(self, subject: Subject, call: TracedCall, accused: Accused) -> None:
        self.subject = subject
        self.call = call
        self.accused = accused
        trace = Trace("finished", 0.0, 0, None, call.tape, None, call.sources, call.scopes)
        self.surroundings = Surroundings(trace)

    def fitting(self, suspect: Suspect, is_meant: Callable[[Candidate], bool]) -> list[Candidate]:
        """The edits after which an expression gives what is wanted, the likeliest first; two at once if none does.

        Args:
            suspect: The expression.
            is_meant: Whether an edit is one that anybody would make.
        """
        wanted = {value: (array,) for value, (_, array) in suspect.wanted.items()}
        targets = suspect.targets or targets_of(suspect.site, wanted, (), self.accused.known)
        known = []
        for aim in aims(self.call.tape, self.surroundings, targets):
            place = self._with_scope(aim)
            if place is not None:
                known.append((aim, place, [c for c in rewritings(place, aim.node) if is_meant(c)]))
        found = [c for aim, place, candidates in known for c in self._heard(aim, place, candidates)]
        if not found and known:
            aim, place, candidates = known[0]
            found = self._heard(aim, place, pairs_of(candidates))
        return found

    def _with_scope(self, aim: Aim) -> Place | None:
        """The place of an expression, with what the names hold there; None where it is never come to."""
        module = self.surroundings.modules[aim.path]
        place = Place(self.surroundings, aim.path, module.statement(aim.node), 0)
        looks = tuple(text for text in worth_a_look(place, [aim.node]) if is_expression(text))
        listener = self._listened(aim, place, looks, look=True)
        if listener is None or not listener.met:
            return None
        local = listener.local if module.enclosing_function(place.statement) is not None else listener.module
        return replace(place, local=local, names={**listener.module, **listener.local}, looked=listener.looked)

    def _heard(self, aim: Aim, place: Place, candidates: Sequence[Candidate]) -> list[Candidate]:
        spot = place.edit(aim.node, place.text(aim.node))
        chosen: dict[str, Candidate] = {}
        for candidate in candidates:
            text = edited_slice(place.source.text, spot, candidate.edits)
            text = aim.heard_as(text) if text is not None else None
            if text is not None and text not in chosen and is_expression(text):
                chosen[text] = candidate
        listener = self._listened(aim, place, tuple(chosen)) if chosen else None
        if listener is None:
            return []
        own = list(chosen.values())
        factors = listener.result().factors
        exact = [own[i] for i, factor in factors.items() if math.isclose(factor, 1.0, rel_tol=1e-4)]
        return sorted(exact, key=lambda c: c.cost)

    def _listened(self, aim: Aim, place: Place, texts: tuple[str, ...], *, look: bool = False) -> Listener | None:
        audition = Audition(
            place.edit(aim.node, place.text(aim.node)), texts, aim.instances, seconds=_SECONDS, look=look
        )
        try:
            text = rewritten_program(place.source.text, audition)
            module = compile(text, aim.path, "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError):
            return None
        places = self.call.recording.places.items()
        codes = replacements({f: w for f, w in places if f.__code__.co_filename == aim.path}, module)
        listener = Listener(audition)
        setattr(builtins, LISTENER, listener)
        try:
            with exchanged(codes), np.errstate(all="ignore"):
                self._run()
        finally:
            delattr(builtins, LISTENER)
        return listener

    def _run(self) -> Any:
        try:
            return self.subject.run()
        except Over:
            return None
        except Exception:
            return None  # what was heard until then counts
        finally:
            self.subject.restore()


__all__ = ["Hearing"]
