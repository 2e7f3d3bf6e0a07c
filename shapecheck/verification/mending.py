"""Edits after which every gradient matches: tried in a forked copy of the process, that can touch nothing and may die.

A candidate is heard first: the gradients that it gives are held against the adjoints, which one call tells. What
passes is checked as the user's own code was. Where a process cannot be forked, no edit is offered.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import os
import pickle
import select
import signal
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from shapecheck.diagnose.finding import Edit
from shapecheck.diagnose.known_loss import Accused
from shapecheck.diagnose.suspects import Suspect
from shapecheck.gradients.origin import Mend, Origin
from shapecheck.repair.accumulations import accumulation_candidates
from shapecheck.repair.candidate import Candidate, Place, apply_edits
from shapecheck.repair.rewritings import rewritings
from shapecheck.repair.surroundings import Module, Surroundings
from shapecheck.trace.child import Trace
from shapecheck.trace.code_objects import replacements
from shapecheck.trace.isolation import Guard
from shapecheck.trace.live import exchanged
from shapecheck.trace.patience import patient
from shapecheck.verification.hearing import Hearing
from shapecheck.verification.traced_call import Subject, TracedCall

# How long may be tried, and how much memory that may take beyond what the process has.
SECONDS = 4.0
_BYTES = 1 << 30
# With a call that takes longer not enough can be tried for the wait to be worth it.
_LONGEST_CALL = 0.5
_MOST_CANDIDATES = 1500
_MOST_READERS = 2
_CLOSE = 1e-5


@dataclass(frozen=True)
class Blamed:
    """A place to mend, with the expression to blame there; None where a value has a wrong name."""

    origin: Origin
    suspect: Suspect | None


@dataclass(frozen=True)
class _Found:
    """For each origin the edit that was found; None where none was."""

    candidates: tuple[Candidate | None, ...]


def mended(subject: Subject, call: TracedCall, accused: Accused, blamed: Sequence[Blamed]) -> list[Origin]:
    """The origins with the edits that make every gradient right; as they are where no such edits were found.

    Args:
        subject: What was checked; what is tried in the copy leaves it alone.
        call: The recorded call.
        accused: With the adjoints.
        blamed: Where edits belong, one for each independent mistake.
    """
    origins = [b.origin for b in blamed]
    if not origins or not hasattr(os, "fork") or call.seconds > _LONGEST_CALL:
        return origins
    found = _in_a_copy(lambda: _Trial(subject, call, accused).run(blamed))
    if found is None or not any(found.candidates):
        return origins
    pairs = zip(origins, found.candidates, strict=True)
    count = sum(candidate is not None for candidate in found.candidates)
    return [o if c is None else replace(o, mend=_mend(call, c, count, accused)) for o, c in pairs]


def _mend(call: TracedCall, candidate: Candidate, count: int, accused: Accused) -> Mend:
    before = call.sources[candidate.path]
    after = apply_edits(before.text, candidate.edits).splitlines()
    lines = before.text.splitlines()
    first = min(e.line for e in candidate.edits)
    last = max(e.end_line for e in candidate.edits)
    kept = len(lines) - last
    old = tuple((number, lines[number - 1]) for number in range(first, last + 1))
    new = tuple((number, after[number - 1]) for number in range(first, len(after) - kept + 1))
    edits = tuple((e.path, e.line, e.column, e.end_line, e.end_column, e.replacement) for e in candidate.edits)
    names = list(accused.names.values())
    every = f"the gradient of `{names[0]}` matches" if len(names) == 1 else f"all {len(names)} gradients match"
    together = " together with the other edits" if count > 1 else ""
    return Mend(
        candidate.title, old, new, edits, f"tried{together}: {every} the numeric {'one' * (len(names) == 1) or 'ones'}"
    )


# -- candidates -----------------------------------------------------------------------------------------------------


def _candidates(call: TracedCall, origin: Origin) -> list[Candidate]:
    """Edits of the statement that an origin stands in, the likeliest first."""
    trace = Trace("finished", 0.0, 0, None, call.tape, None, call.sources, call.scopes)
    surroundings = Surroundings(trace)
    module = surroundings.modules.get(origin.path)
    statement = module.at_line(origin.line) if module is not None else None
    if module is None or statement is None:
        return []
    found: list[Candidate] = []
    for distance, one in enumerate([statement, *_readers(module, statement)]):
        place = Place(surroundings, origin.path, one, 2 * distance)
        value = getattr(one, "value", None)
        found += (
            [replace(c, cost=c.cost + 0.4 * distance) for c in rewritings(place, value)] if value is not None else []
        )
        found += accumulation_candidates(place)
    found = [c for c in found if _is_meant(origin, c)]
    return sorted(found, key=lambda c: _cost(c, origin))[:_MOST_CANDIDATES]


def _spoken_of(origin: Origin) -> list[str]:
    """The activations that the explanation says are wanted."""
    wanted = origin.explanation.partition(";")[2].partition(";")[0]
    return [activation for activation in ("sigmoid", "tanh", "relu") if activation in wanted]


def _is_meant(origin: Origin, candidate: Candidate) -> bool:
    """Whether an edit is no accident: `A > 0` is true everywhere of a sigmoid, and so stands for nothing at all."""
    relu = candidate.kind in {"slope", "missing slope"} and "relu" in candidate.title
    return not relu or "relu" in _spoken_of(origin)


def _readers(module: Module, statement: ast.stmt) -> list[ast.stmt]:
    """The next statements of the function that read what a statement assigns, or changes."""
    targets = getattr(statement, "targets", None) or [getattr(statement, "target", None)]
    names = {n.id for t in targets if t is not None for n in ast.walk(t) if isinstance(n, ast.Name)} - {"self"}
    function = module.enclosing_function(statement)
    found: list[ast.stmt] = []
    for node in ast.walk(function or module.tree):
        later = isinstance(node, ast.Assign | ast.AugAssign | ast.Return) and node.lineno > statement.lineno
        if later and isinstance(node, ast.stmt) and any(n.id in names for n in _read(node)):
            found.append(node)
    return sorted(found, key=lambda s: s.lineno)[:_MOST_READERS]


def _read(statement: ast.stmt) -> list[ast.Name]:
    return [n for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)]


def _cost(candidate: Candidate, origin: Origin) -> float:
    """How unlikely an edit is: what lies in the named expression, and what its explanation speaks of, is likelier."""
    first, last = (origin.line, origin.column), (origin.end_line, origin.end_column)
    within = all(first <= (e.line, e.column) and (e.end_line, e.end_column) <= last for e in candidate.edits)
    cost = candidate.cost - 0.5 * within + 0.6 * (candidate.line != origin.line)
    if candidate.kind in {"slope", "missing slope"}:
        cost -= 0.8 * any(activation in candidate.title for activation in _spoken_of(origin))
    if candidate.kind == "term":
        cost -= 1.5 * ("penalty" in origin.explanation)
    return cost


class _Trial:
    """Tries edits, in a process that is thrown away afterwards."""

    def __init__(self, subject: Subject, call: TracedCall, accused: Accused) -> None:
        self.subject = subject
        self.call = call
        self.accused = accused
        adjoints = accused.known.matching.adjoints
        self.goals = {name: np.asarray(adjoints[p], dtype=float) for p, name in accused.names.items()}
        self.loss = subject.loss_value()
        self.deadline = time.monotonic() + patient(SECONDS)

    def run(self, blamed: Sequence[Blamed]) -> _Found | None:
        """One edit after the other, each for its own gradients; then all of them together."""
        right = {name for name, close in self._close(()).items() if close}
        chosen: list[Candidate | None] = []
        hearing = Hearing(self.subject, self.call, self.accused)
        for one in blamed:
            wanted = right | set(one.origin.parameters)
            kept = tuple(c for c in chosen if c is not None)
            check = one is blamed[-1] and None not in chosen
            # Those that were heard to give what is wanted, then whatever may be meant at that place.
            is_meant = functools.partial(_is_meant, one.origin)
            heard = hearing.fitting(one.suspect, is_meant) if one.suspect is not None else []
            heard = sorted(heard, key=lambda c: _cost(c, one.origin))
            other = _candidates(self.call, one.origin)
            # Where something right is given a wrong name, the edit belongs where the name is given.
            own = [*heard, *other] if any(c.line == one.origin.line for c in heard) else [*other, *heard]
            found = next((c for c in own if self._does(wanted, (*kept, c), check=check)), None)
            chosen.append(None if found is None else self._simplified(found))
            right = wanted if found is not None else right
        if None in chosen or right < set(self.goals):
            return None
        return _Found(tuple(chosen))

    def _does(self, wanted: set[str], chosen: Sequence[Candidate], *, check: bool) -> bool:
        """Whether the gradients that are wanted are right with some edits; `check` them as the user's code was."""
        if time.monotonic() > self.deadline:
            return False
        close = self._close(chosen)
        if not all(close.get(name, False) for name in wanted):
            return False
        if not check:
            return True
        codes = self._codes(chosen)
        if codes is None:
            return False
        with exchanged(codes):
            return bool(self.subject.check())

    def _codes(self, chosen: Sequence[Candidate]) -> dict[Any, Any] | None:
        by_path: dict[str, list[Edit]] = {}
        for candidate in chosen:
            by_path.setdefault(candidate.path, []).extend(candidate.edits)
        codes = {}
        for path, edits in by_path.items():
            try:
                text = apply_edits(self.call.sources[path].text, edits)
                module = compile(text, path, "exec", dont_inherit=True)
            except (SyntaxError, ValueError, RecursionError):
                return None
            places = self.call.recording.places.items()
            codes.update(replacements({f: w for f, w in places if f.__code__.co_filename == path}, module))
        return codes

    def _simplified(self, candidate: Candidate) -> Candidate:
        """The same edit without parentheses that change nothing."""
        text = self.call.sources[candidate.path].text
        edits = list(candidate.edits)
        for position, edit in enumerate(edits):
            inner = edit.replacement
            while inner.startswith("(") and inner.endswith(")"):
                inner = inner[1:-1]
                shorter = [*edits[:position], replace(edit, replacement=inner), *edits[position + 1 :]]
                if _same_program(apply_edits(text, edits), apply_edits(text, shorter)):
                    edits = shorter
        return replace(candidate, edits=tuple(edits))

    def _close(self, chosen: Sequence[Candidate]) -> dict[str, bool]:
        """Which gradients are those of the loss as it was, with some edits."""
        codes = self._codes(chosen)
        if codes is None:
            return {}
        try:
            with exchanged(codes):
                found = self.subject.gradients()
                if chosen and self.subject.loss_value() != self.loss:
                    return {}
        except Exception:
            return {}
        return {name: name in found and _agree(found[name], goal) for name, goal in self.goals.items()}


def _same_program(one: str, other: str) -> bool:
    try:
        return ast.dump(ast.parse(one)) == ast.dump(ast.parse(other))
    except SyntaxError:
        return False


def _agree(gradient: Any, goal: Any) -> bool:
    gradient = np.asarray(gradient, dtype=float)
    if gradient.shape != goal.shape or not np.all(np.isfinite(gradient)):
        return False
    size = float(np.linalg.norm(goal))
    return float(np.linalg.norm(gradient - goal)) <= _CLOSE * size if size else not np.any(gradient)


# -- the copy of the process ----------------------------------------------------------------------------------------


def _in_a_copy(work: Callable[[], _Found | None]) -> _Found | None:
    """What a function returns when it is called in a forked copy of this process; None where that does not end well."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # of forking beside threads: the copy may hang, and is killed
        child = os.fork()
    if child == 0:
        _copy(work, reading, writing)
    os.close(writing)
    try:
        return _received(reading, time.monotonic() + patient(SECONDS) + 2.0)
    finally:
        os.close(reading)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(child, 0)


def _copy(work: Callable[[], _Found | None], reading: int, writing: int) -> None:
    """The copy's whole life; never returns."""
    answer = b""
    try:
        os.close(reading)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _bound()
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        Guard(os.devnull).install()
        warnings.simplefilter("ignore")
        with np.errstate(all="ignore"):
            answer = pickle.dumps(work())
    except BaseException:  # nobody is there to be told
        answer = b""
    finally:
        with contextlib.suppress(BaseException):
            os.write(writing, answer) if answer else None
        os._exit(0)


def _bound() -> None:
    """End the copy when it takes too long or too much."""
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, SECONDS + 1.5)
    try:
        import resource  # noqa: PLC0415 - not every system has it
    except ImportError:
        return
    with contextlib.suppress(ValueError, OSError):
        now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize() if sys.platform == "linux" else 0  # noqa: PTH123, SIM115
        if now:
            hard = resource.getrlimit(resource.RLIMIT_AS)[1]
            resource.setrlimit(resource.RLIMIT_AS, (now + _BYTES, hard))


def _received(reading: int, deadline: float) -> _Found | None:
    """What the copy wrote until it ended, or time was up."""
    parts = []
    while (left := deadline - time.monotonic()) > 0:
        ready, _, _ = select.select([reading], [], [], left)
        if not ready:
            return None
        part = os.read(reading, 65536)
        if not part:
            break
        parts.append(part)
    found = pickle.loads(b"".join(parts)) if parts else None
    return found if isinstance(found, _Found) else None


__all__ = ["Blamed", "mended"]
