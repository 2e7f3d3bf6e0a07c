"""The search for a repair: tries candidates in the order of their cost, and keeps what evidence supports."""

from __future__ import annotations

import difflib
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from shapecheck.diagnose.finding import Edit
from shapecheck.gradients.agreement import Agreement
from shapecheck.repair.attempt import Attempt, AttemptOutcome
from shapecheck.repair.calls import call_candidates
from shapecheck.repair.candidate import Candidate, Place, apply_edits, distinct
from shapecheck.repair.naming import index_candidates, name_candidates, order_candidates
from shapecheck.repair.products import operand_candidates, product_candidates, regroup_candidates
from shapecheck.repair.shaping import shaping_candidates
from shapecheck.repair.surroundings import Surroundings, own_expressions
from shapecheck.repair.trial import Trials
from shapecheck.trace.child import Trace
from shapecheck.trace.failure import Failure
from shapecheck.trace.recorder import Limits
from shapecheck.trace.run import Program
from shapecheck.trace.sites import Kind
from shapecheck.trace.tape import Shape

_GENERATORS = (
    product_candidates,
    regroup_candidates,
    operand_candidates,
    shaping_candidates,
    name_candidates,
    index_candidates,
    order_candidates,
    call_candidates,
)
# How many candidates of one search go to trial at most.
_MOST = 900
_BATCH = 24


@dataclass(frozen=True)
class Solution:
    """An edited program that a trial ran.

    Attributes:
        texts: File -> its whole text with the edits made.
        tier: 0 gradients right; 1 right up to unequal factors; 2 it runs, and there is nothing to hold it against;
            3 it runs and the gradients are wrong; 4 it dies later than before.
    """

    candidate: Candidate
    texts: dict[str, str]
    outcome: AttemptOutcome
    tier: int

    @property
    def rank(self) -> tuple[int, float]:
        """Best first."""
        return self.tier, self.candidate.cost


@dataclass
class Budget:
    """How long the search may take."""

    seconds: float
    started: float = field(default_factory=time.monotonic)

    @property
    def left(self) -> float:
        """Seconds left."""
        return self.seconds - (time.monotonic() - self.started)


class Search:
    """Searches for repairs of one failed program."""

    def __init__(self, program: Program, trace: Trace, trials: Trials, *, seconds: float, stdin: bytes = b"") -> None:
        self.program = program
        self.trace = trace
        self.trials = trials
        self.budget = Budget(seconds)
        self.stdin = stdin
        self.originals = {path: source.text for path, source in trace.sources.items()}
        self.late = trace.tail is not None
        self.tried = 0

    # -- candidates ---------------------------------------------------------------------------------------------

    def candidates(self, surroundings: Surroundings) -> list[Candidate]:
        """All edits worth a trial, the likeliest first."""
        wanted = wanted_shapes(surroundings.trace.failure, surroundings)
        return list(distinct(self._generate(surroundings, wanted)))[:_MOST]

    def _generate(self, surroundings: Surroundings, wanted: dict[Shape, Shape]) -> Iterator[Candidate]:
        for suspect in surroundings.suspects():
            place = Place(surroundings, suspect.path, suspect.statement, suspect.distance, wanted)
            for node in own_expressions(suspect.statement):
                for generate in _GENERATORS:
                    yield from generate(place, node)

    # -- trials -------------------------------------------------------------------------------------------------

    def attempt(self, texts: dict[str, str], *, whole: bool = False, want_trace: bool = False) -> Attempt:
        """The order for one trial."""
        events = self.trace.events
        window = Limits().window_events if self.late else max(3000, 2 * events + 2000)
        seconds = 4.0 + 3 * self.trace.seconds if self.late or whole else 3.0 + 3 * self.trace.seconds
        return Attempt(
            program=replace(self.program, replaced={**self.program.replaced, **texts}),
            seconds=min(seconds, max(1.0, self.budget.left + 1.0)) if not whole else max(seconds, 10.0),
            window_events=window,
            stop=not (self.late or whole),
            folder=os.getcwd(),
            stdin=self.stdin,
            want_trace=want_trace,
        )

    def solutions(self, pairs: Iterable[tuple[Candidate, dict[str, str]]]) -> Iterator[Solution]:
        """Run candidates and judge them, a batch at a time; stops when the time is up or enough was found."""
        best: float | None = None
        batch: list[tuple[Candidate, dict[str, str]]] = []
        queue = list(pairs)
        position = 0
        while position < len(queue) and self.budget.left > 0:
            batch = queue[position : position + _BATCH]
            if best is not None and batch[0][0].cost > best + 0.7:
                return
            position += len(batch)
            orders = [self.attempt(texts) for _, texts in batch]
            for number, outcome in self.trials.run(orders):
                self.tried += 1
                if outcome is None:
                    continue
                candidate, texts = batch[number]
                solution = self.judge(candidate, texts, outcome)
                if solution is None:
                    continue
                if solution.tier == 0 and (best is None or candidate.cost < best):
                    best = candidate.cost
                yield solution

    def judge(self, candidate: Candidate, texts: dict[str, str], outcome: AttemptOutcome) -> Solution | None:
        """What an outcome is worth; None for what is no better than before."""
        if outcome.ended == "syntax":
            return None
        if outcome.ended == "exception":
            further = outcome.events > self.trace.events + 1
            shape_error = outcome.failure is not None and outcome.failure.site is not None
            return Solution(candidate, texts, outcome, 4) if further and shape_error else None
        if outcome.broadcasts:
            return None
        agreement = outcome.agreement
        if agreement is None or agreement.grew:
            return None
        return Solution(candidate, texts, outcome, _tier(agreement))

    # -- the search ---------------------------------------------------------------------------------------------

    def run(self) -> list[Solution]:
        """Solutions, best first; only those that ran to the end on a second, whole run are of tier 0 to 2."""
        surroundings = Surroundings(self.trace)
        found, partial = self._level(surroundings, None)
        depth = 1
        while not any(s.tier == 0 for s in found) and partial and depth < 3 and self.budget.left > 0:
            deeper: list[Solution] = []
            next_partial: list[Solution] = []
            for start in sorted(partial, key=lambda s: s.candidate.cost)[:6]:
                if self.budget.left <= 0 or any(s.tier == 0 for s in deeper):
                    break
                more, further = self._deepen(start)
                deeper += more
                next_partial += further
            found += deeper
            partial = next_partial
            depth += 1
        return self._confirm(sorted(found, key=lambda s: s.rank))

    def _level(self, surroundings: Surroundings, start: Solution | None) -> tuple[list[Solution], list[Solution]]:
        pairs = []
        for candidate in self.candidates(surroundings):
            current = start.texts if start is not None else {}
            text = current.get(candidate.path, self.originals.get(candidate.path, ""))
            try:
                edited = apply_edits(text, candidate.edits)
            except ValueError:
                continue
            joined = start.candidate.joined(candidate, 0.3) if start is not None else candidate
            pairs.append((joined, {**current, candidate.path: edited}))
        if start is not None:
            pairs.sort(key=lambda pair: pair[0].cost)
        solutions = list(self.solutions(pairs))
        return [s for s in solutions if s.tier < 4], [s for s in solutions if s.tier == 4]

    def _deepen(self, start: Solution) -> tuple[list[Solution], list[Solution]]:
        """Go on from an edit after which the program dies later."""
        for _, outcome in self.trials.run([self.attempt(start.texts, want_trace=True)]):
            if outcome is None or outcome.trace is None:
                return [], []
            inner = Search(self.program, outcome.trace, self.trials, seconds=self.budget.left, stdin=self.stdin)
            inner.originals = self.originals
            found, partial = inner._level(Surroundings(outcome.trace), start)
            self.tried += inner.tried
            return found, partial
        return [], []

    def _confirm(self, ranked: list[Solution]) -> list[Solution]:
        """Run the best solutions whole: what dies after all is no solution."""
        best = [s for s in ranked if s.tier < 3][:4]
        confirmed: list[Solution] = []
        orders = [self.attempt(s.texts, whole=True) for s in best]
        outcomes: dict[int, AttemptOutcome | None] = dict(self.trials.run(orders))
        for number, solution in enumerate(best):
            outcome = outcomes.get(number)
            if outcome is None:
                outcome = solution.outcome
                outcome.notes.append("did not end in time")
            again = self.judge(solution.candidate, solution.texts, outcome)
            if again is not None and again.tier < 3:
                confirmed.append(again)
        confirmed.sort(key=lambda s: s.rank)
        return confirmed + [s for s in ranked if s.tier == 3][:1]

    def edits(self, solution: Solution) -> tuple[Edit, ...]:
        """The edits of a solution against the files as they are."""
        return tuple(
            edit
            for path, text in solution.texts.items()
            for edit in edits_between(path, self.originals[path], text)
        )


def _tier(agreement: Agreement) -> int:
    if agreement.verdict == "right":
        return 0 if agreement.same_factor else 1
    return 2 if agreement.verdict == "unknown" else 3


def edits_between(path: str, before: str, after: str) -> Iterator[Edit]:
    """The smallest edits that turn one text into another, one for each run of changed lines."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        if i2 - i1 == j2 - j1:
            for i, j in zip(range(i1, i2), range(j1, j2), strict=True):
                if old[i] != new[j]:
                    yield _within_line(path, i + 1, old[i], new[j])
            continue
        removed, added = "".join(old[i1:i2]), "".join(new[j1:j2])
        if removed:
            yield Edit(path, i1 + 1, 1, i2 + 1, 1, added)
        else:
            yield Edit(path, i1 + 1, 1, i1 + 1, 1, added)


def _within_line(path: str, line: int, old: str, new: str) -> Edit:
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return Edit(path, line, start + 1, line, len(old) - end + 1, new[start : len(new) - end])


def wanted_shapes(failure: Failure | None, surroundings: Surroundings) -> dict[Shape, Shape]:
    """Shape as it is -> shape as the failing expression needs it."""
    if failure is None or failure.site is None:
        return {}
    site = surroundings.trace.head.sites[failure.site]
    shapes = {role: seen.shape for role, seen in failure.operands if seen.shape is not None}
    wanted: dict[Shape, Shape] = {}
    if site.kind is Kind.AUGMENTED and "target" in shapes and "value" in shapes:
        wanted[shapes["value"]] = shapes["target"]
    elif site.kind in {Kind.BINARY, Kind.COMPARE} and site.operator != "@" and {"left", "right"} <= shapes.keys():
        wanted[shapes["right"]] = shapes["left"]
        wanted.setdefault(shapes["left"], shapes["right"])
    elif site.kind is Kind.CALL and site.operator in {"add", "subtract", "multiply", "divide"}:
        if {"0", "1"} <= shapes.keys():
            wanted[shapes["1"]] = shapes["0"]
            wanted.setdefault(shapes["0"], shapes["1"])
    for number, _, operands in failure.recent:
        compared = surroundings.trace.head.sites[number]
        literals = [seen.literal for seen in operands if isinstance(seen.literal, tuple)]
        if compared.kind is Kind.COMPARE and len(literals) == 2 and literals[0] != literals[1]:
            wanted[literals[0]] = literals[1]
    return {before: after for before, after in wanted.items() if before != after}
