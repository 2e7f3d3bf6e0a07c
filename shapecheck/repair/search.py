"""The search for a repair: one queue of edits by cost, tried in that order; what dies later is edited further."""

from __future__ import annotations

import ast
import heapq
import itertools
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from shapecheck.diagnose.finding import Edit
from shapecheck.network.parameters import find_parameters
from shapecheck.repair.attempt import Attempt, AttemptOutcome
from shapecheck.repair.calls import call_candidates
from shapecheck.repair.candidate import Candidate, Place, apply_edits, distinct
from shapecheck.repair.changes import cancels, edits_between, moved_line
from shapecheck.repair.evidence import Evidence, Solution
from shapecheck.repair.indexing import indexing_candidates, shape_attribute_candidates
from shapecheck.repair.naming import index_candidates, name_candidates, order_candidates, unpacking_candidates
from shapecheck.repair.probe import Probe
from shapecheck.repair.products import operand_candidates, product_candidates, regroup_candidates
from shapecheck.repair.rehearsal import Rehearsal
from shapecheck.repair.returns import return_candidates
from shapecheck.repair.shaping import shaping_candidates
from shapecheck.repair.surroundings import Surroundings, own_expressions
from shapecheck.repair.templates import statement_candidates
from shapecheck.repair.trial import Trials
from shapecheck.repair.twins import twins
from shapecheck.repair.wanted import wanted_shapes
from shapecheck.trace.child import Trace
from shapecheck.trace.patience import patient
from shapecheck.trace.recorder import Limits
from shapecheck.trace.run import Program

_GENERATORS = (
    product_candidates,
    regroup_candidates,
    operand_candidates,
    shaping_candidates,
    name_candidates,
    index_candidates,
    order_candidates,
    return_candidates,
    call_candidates,
    indexing_candidates,
    shape_attribute_candidates,
)
# How many candidates of one failure are considered, and of one that a first edit led to.
_MOST = 900
_MOST_FURTHER = 240
# How many edits one repair may have.
_DEEPEST = 3
# What programs die of when shapes do not fit.
_SHAPE_ERRORS = frozenset({"ValueError", "IndexError", "TypeError", "AssertionError", "LinAlgError"})
# How much later an edit is tried that would leave the failing operation as it is, going by the recorded operations.
_PUT_OFF = 0.8
# How much likelier an edit away from the failure is when it gives the failing operation what it needs.
_FITTING = 0.4


@dataclass
class Budget:
    """How long the search may take."""

    seconds: float
    started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.seconds = patient(self.seconds)

    @property
    def left(self) -> float:
        """Seconds left."""
        return self.seconds - (time.monotonic() - self.started)

    def shorten(self, seconds: float) -> None:
        """Leave at most so many seconds."""
        self.seconds -= max(0.0, self.left - patient(seconds))

    def lengthen(self, seconds: float) -> None:
        """Leave at least so many seconds."""
        self.seconds += max(0.0, patient(seconds) - self.left)


@dataclass
class _Stage:
    """A failure that edits start from: the program's own, or one that an edited program died of later."""

    trace: Trace
    texts: dict[str, str]
    start: Candidate | None = None
    depth: int = 0
    rehearsal: Rehearsal | None = None
    surroundings: Surroundings | None = None


@dataclass
class _Trial:
    """An entry of the queue: an edit of a stage."""

    stage: _Stage
    candidate: Candidate
    texts: dict[str, str]
    edits: tuple[Edit, ...]
    place: Place | None
    rehearsed: bool = False


class Search:
    """Searches for repairs of one failed program.

    Attributes:
        batch: How many edits are tried side by side before it is asked whether that is enough.
        margin: What may cost so much more than the best verified repair is not tried any more.
    """

    batch = 12
    margin = 0.7

    def __init__(self, program: Program, trace: Trace, trials: Trials, *, seconds: float, stdin: bytes = b"") -> None:
        self.program = program
        self.trace = trace
        self.trials = trials
        self.budget = Budget(seconds)
        self.stdin = stdin
        self.originals = {path: source.text for path, source in trace.sources.items()}
        # A parameter that grew shows in the first steps, however late the program dies of it.
        self.late = trace.tail is not None and not Surroundings(trace).growth()
        self.early = trace.tail is not None and not self.late
        self.tried = 0
        self.heard = 0
        self.dropped = 0
        self.evidence = Evidence(len(find_parameters(trace.head)) if trace.tail is not None else 0)
        self._queue: list[tuple[float, int, _Trial | _Stage]] = []
        self._numbers = itertools.count()
        self._known: dict[tuple[tuple[str, str], ...], float] = {}
        self._done: set[tuple[tuple[str, str], ...]] = set()

    # -- candidates ---------------------------------------------------------------------------------------------

    def candidates(self, surroundings: Surroundings) -> list[Candidate]:
        """All edits worth a trial, the likeliest first."""
        return list(distinct(self._generate(surroundings, {})))[:_MOST]

    def _generate(self, surroundings: Surroundings, places: dict[tuple[str, int], Place]) -> Iterator[Candidate]:
        wanted = wanted_shapes(surroundings.trace.failure, surroundings)
        failure = surroundings.trace.failure
        failing = tuple(seen.shape for _, seen in failure.operands if seen.shape) if failure is not None else ()
        for suspect in surroundings.suspects():
            if suspect.path in self.program.kept:
                continue
            place = Place(surroundings, suspect.path, suspect.statement, suspect.distance, wanted, failing)
            last = suspect.statement.end_lineno or suspect.statement.lineno
            places.update({(suspect.path, line): place for line in range(suspect.statement.lineno, last + 1)})
            yield from statement_candidates(place)
            yield from unpacking_candidates(place)
            for node in own_expressions(suspect.statement):
                for generate in _GENERATORS:
                    yield from generate(place, node)

    # -- the queue ----------------------------------------------------------------------------------------------

    def run(self) -> list[Solution]:
        """Solutions, best first; only those that ran to the end on a second, whole run are of tier 0 to 2."""
        self._expand(_Stage(self.trace, {}))
        found: list[Solution] = []
        while self._queue and self.budget.left > 0:
            batch = self._next_batch(self._limit(found))
            if not batch:
                break
            orders = [self.attempt(t.texts, stage=t.stage) for t in batch]
            for number, outcome in self.trials.run(orders):
                self.tried += 1
                if outcome is not None:
                    self._take(batch[number], outcome, found)
        return self._confirm(self.evidence.ranked(found))

    def _limit(self, found: list[Solution]) -> float:
        """What an edit may cost to be tried still."""
        # A test that passes is all the proof that there will be.
        proven = [s.candidate.cost for s in found if s.tier == 0 or (s.tier == 1 and s.outcome.asserts)]
        return min(proven, default=float("inf")) + self.margin

    def _next_batch(self, limit: float) -> list[_Trial]:
        batch: list[_Trial] = []
        while self._queue and len(batch) < self.batch and self._queue[0][0] <= limit and self.budget.left > 0:
            _, _, entry = heapq.heappop(self._queue)
            if isinstance(entry, _Stage):
                self._expand(entry)
            elif tuple(sorted(entry.texts.items())) not in self._done and self._promising(entry):
                self._done.add(tuple(sorted(entry.texts.items())))
                batch.append(entry)
        return batch

    def _promising(self, trial: _Trial) -> bool:
        """Whether to run a trial now; what stand-ins refuse is dropped, what a rehearsal refuses is put off."""
        if trial.rehearsed or trial.place is None:
            return True
        if not trial.place.dry().fits(trial.edits):
            self.dropped += 1
            return False
        trial.rehearsed = True
        if trial.stage.rehearsal is None:
            trial.stage.rehearsal = Rehearsal(trial.stage.trace)
        verdict = trial.stage.rehearsal.verdict(trial.place, trial.edits)
        if verdict == "fits":
            trial.candidate = replace(trial.candidate, cost=trial.candidate.cost - _FITTING)
        if verdict != "misfit":
            return True
        self._push(trial.candidate.cost + _PUT_OFF, trial)
        return False

    def _push(self, cost: float, entry: _Trial | _Stage) -> None:
        heapq.heappush(self._queue, (cost, next(self._numbers), entry))

    def _expand(self, stage: _Stage) -> None:
        """Put the edits of a failure into the queue."""
        most = _MOST if stage.start is None else _MOST_FURTHER
        places: dict[tuple[str, int], Place] = {}
        stage.surroundings = Surroundings(stage.trace)
        single = list(self._generate(stage.surroundings, places))
        candidates = list(distinct([*single, *twins(single, stage.surroundings)]))
        for candidate in candidates[:most]:
            text = stage.texts.get(candidate.path, self.originals.get(candidate.path, ""))
            try:
                edited = apply_edits(text, candidate.edits)
            except ValueError:
                continue
            texts = {**stage.texts, candidate.path: edited}
            joined = stage.start.joined(candidate, 0.3) if stage.start is not None else candidate
            key = tuple(sorted(texts.items()))
            if edited == self.originals.get(candidate.path) or self._known.get(key, joined.cost + 1) <= joined.cost:
                continue
            self._known[key] = joined.cost
            place = places.get((candidate.path, candidate.line))
            self._push(joined.cost, _Trial(stage, joined, texts, candidate.edits, place))

    def _take(self, trial: _Trial, outcome: AttemptOutcome, found: list[Solution]) -> None:
        """Enter what came of a trial: a solution, or a place for a further edit."""
        if outcome.ended == "exception":
            stage = trial.stage
            if outcome.trace is not None and stage.depth + 1 < _DEEPEST and self._got_further(stage.trace, outcome):
                further = _Stage(outcome.trace, trial.texts, trial.candidate, stage.depth + 1)
                leap = outcome.events > 1.3 * stage.trace.events + 10
                self._push(trial.candidate.cost + (0.1 if leap else 0.5), further)
            return
        solution = self.evidence.judge(trial.candidate, trial.texts, outcome)
        pointless = any(cancels(self.originals[path], text) for path, text in trial.texts.items())
        if solution is not None and not pointless:
            found.append(solution)

    @staticmethod
    def _got_further(before: Trace, outcome: AttemptOutcome) -> bool:
        """Whether the program now dies at another place, after more than it did before."""
        old, new = before.failure, outcome.failure
        if old is None or new is None or outcome.trace is None or not new.frames or new.exception not in _SHAPE_ERRORS:
            return False
        if not old.frames or new.frames[-1].function != old.frames[-1].function:
            return True
        if new.frames[-1].place[0] != old.frames[-1].place[0]:
            return True
        if old.site is None or new.site is None or outcome.events > 1.3 * before.events + 10:
            return True
        first, second = before.head.sites[old.site], outcome.trace.head.sites[new.site]
        return (first.kind, first.operator) != (second.kind, second.operator)

    # -- trials -------------------------------------------------------------------------------------------------

    def attempt(self, texts: dict[str, str], *, stage: _Stage | None = None, whole: bool = False) -> Attempt:
        """The order for one trial; whole: run to the end, however long it takes."""
        window = Limits().window_events if self.late else max(3000, 2 * self.trace.events + 2000)
        window = 3000 if self.early else window
        seconds = patient(4.0 + 3 * self.trace.seconds if self.late or whole else 3.0 + 3 * self.trace.seconds)
        return Attempt(
            program=replace(self.program, replaced={**self.program.replaced, **texts}),
            seconds=min(seconds, max(1.0, self.budget.left + 1.0)) if not whole else max(seconds, patient(10.0)),
            window_events=window,
            stop=not (self.late or whole),
            folder=os.getcwd(),
            stdin=self.stdin,
            beyond=stage.trace.events if stage is not None else None,
            probe=self._probe(stage, texts) if stage is not None and not self.early else None,
        )

    def _probe(self, stage: _Stage, texts: dict[str, str]) -> Probe | None:
        failure = stage.trace.failure
        if failure is None or not failure.frames:
            return None
        path, line = failure.frames[-1].path, failure.frames[-1].place[0]
        edited = frozenset(
            (file, moved_line(file, edit.line, stage.trace.sources[file].text, text))
            for file, text in texts.items()
            for edit in edits_between(file, stage.trace.sources[file].text, text)
        )
        if path in texts:
            line = moved_line(path, line, stage.trace.sources[path].text, texts[path])
        seconds = 0.1 + 1.2 * self.trace.seconds
        frame = failure.frames[-1]
        columns = None if (path, line) in edited else (frame.place[1] - 1, frame.place[3] - 1)
        if not stage.trace.sources[path].text.isascii():
            columns = None
        counters = tuple(
            (name, seen.literal) for name, seen in frame.names.items() if isinstance(seen.literal, int | str | bool)
        )
        turns = self._turns(stage, path, frame.place[0], {name for name, _ in counters})
        return Probe(path, line, failure.exception, failure.message, edited, seconds, columns, counters, turns)

    @staticmethod
    def _turns(stage: _Stage, path: str, line: int, counters: set[str]) -> bool:
        """Whether a line is in a loop over things that are no numbers."""
        if stage.surroundings is None:
            return False
        module = stage.surroundings.modules.get(path)
        node = module.at_line(line) if module is not None else None
        parent: ast.AST | None = node
        while parent is not None and module is not None and not isinstance(parent, ast.FunctionDef):
            if isinstance(parent, ast.For) and parent is not node:
                return not any(isinstance(n, ast.Name) and n.id in counters for n in ast.walk(parent.target))
            parent = module.parents.get(parent)
        return False

    def _confirm(self, ranked: list[Solution]) -> list[Solution]:
        """Run the best solutions whole: what dies after all is no solution."""
        promising = [s for s in ranked if s.tier < 3][:6]
        confirmed: list[Solution] = []
        while promising and not confirmed:
            best, promising = promising[:2], promising[2:]
            outcomes = dict(self.trials.run([self.attempt(s.texts, whole=True) for s in best]))
            for number, solution in enumerate(best):
                outcome = outcomes.get(number)
                if outcome is None:
                    outcome = solution.outcome
                    outcome.notes.append("did not end in time")
                again = self.evidence.judge(solution.candidate, solution.texts, outcome)
                if again is not None and again.tier < 3:
                    confirmed.append(again)
        return self.evidence.ranked(confirmed) + [s for s in ranked if s.tier == 3][:1]

    def edits(self, solution: Solution) -> tuple[Edit, ...]:
        """The edits of a solution against the files as they are; the one that was found first comes first."""
        edits = [
            edit for path, text in solution.texts.items() for edit in edits_between(path, self.originals[path], text)
        ]
        first = solution.candidate
        edits.sort(key=lambda e: (e.path, e.line) != (first.path, first.line))
        return tuple(edits)
