"""From a script to its diagnosis: runs it, reads the trace, names what is wrong, and proves what makes it right."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from shapecheck.diagnose.ascent import means_to_climb
from shapecheck.diagnose.asserted import agrees, joined_at, known_on, misshapen_gradient
from shapecheck.diagnose.broadcast import SilentMistake, pseudo_failure, silent_mistakes
from shapecheck.diagnose.course import Course
from shapecheck.diagnose.crash import Crash, classify, crash_finding, trail_to
from shapecheck.diagnose.finding import (
    Diagnosis,
    Edit,
    Finding,
    Fix,
    LayerSummary,
    LossSummary,
    NetworkSummary,
    Outcome,
    ProgramOutcome,
    Span,
    Status,
    TrailStep,
)
from shapecheck.diagnose.in_cells import InCells
from shapecheck.diagnose.known_loss import accuse, adjoints_of
from shapecheck.diagnose.limits import cut_short, nothing_traced, trials_impossible
from shapecheck.diagnose.reference import reference_note
from shapecheck.diagnose.too_long import overlong_steps
from shapecheck.diagnose.training import other_mistakes, update_mistakes
from shapecheck.diagnose.unmoved import missing_update
from shapecheck.diagnose.wrong_gradient import described, wrong_gradients
from shapecheck.gradients.followed import Agreement
from shapecheck.gradients.losses import whole_of_a_part
from shapecheck.gradients.readied import readied
from shapecheck.network.broadcasts import outer_broadcasts
from shapecheck.network.layers import Layers
from shapecheck.repair.evidence import NOT_FINITE, Solution
from shapecheck.repair.fixes import fix_of, may_be_offered, place_of, with_fixes
from shapecheck.repair.gradient_search import GradientSearch
from shapecheck.repair.joint import joined
from shapecheck.repair.loop_search import LoopSearch
from shapecheck.repair.search import Search
from shapecheck.repair.trial import Trials
from shapecheck.trace.child import Trace
from shapecheck.trace.patience import Patience
from shapecheck.trace.process import Run, run_program
from shapecheck.trace.run import Program

T = TypeVar("T")

_FIXES_SHOWN = 3
# How long the search for the repair of a second wrong gradient may take in any case.
_LATER_SECONDS = 5.0
# How long the gradients of a program that ran may be looked at: a long tape of tiny operations takes longest.
_JUDGING_SECONDS = 10.0
_ALL_JUDGING_SECONDS = 16.0
# A tape of more operations than this is given longer in proportion, up to so many times as long.
_OPERATIONS = 8000
_MOST_TIMES = 4.0
# Parameters whose gradients are right for the shape that they took, which is the mistake.
_SHAPED_ASTRAY = frozenset({"SC202"})


@dataclass(frozen=True)
class Request:
    """What to diagnose, and how.

    Attributes:
        script: Path of the script, or the module's name with `module`.
        timeout: Seconds that the program may run.
        memory_mib: The most memory it may use, in MiB; None for no limit.
        trials: Whether edited copies of the program may be run to prove repairs.
        program: What to run where that is no script; `script` is then only what it is called in the report.
        search_seconds: How long the search for one finding's repair may take.
    """

    script: str
    arguments: tuple[str, ...] = ()
    module: bool = False
    timeout: float = 60.0
    memory_mib: int | None = None
    trace_memory_mib: int = 256
    trials: bool = True
    script_stdout_to_stderr: bool = False
    program: Program | None = None
    search_seconds: float = 15.0


class InputError(Exception):
    """The program cannot be run at all; the message says why, and what to do."""


def diagnose_script(request: Request) -> Diagnosis:
    """Run a program once and say what is wrong with it.

    Raises:
        InputError: It cannot be run: a syntax error, a missing module with `module`.
    """
    program = request.program or Program(request.script, request.arguments, request.module)
    diagnosis = _diagnosis(request, program)
    if program.cells is not None:
        return InCells(program.own_path, program.cells).diagnosis(diagnosis)
    if program.text is not None:
        return replace(diagnosis, texts={(program.own_path, None): program.text})
    return diagnosis


def _diagnosis(request: Request, program: Program) -> Diagnosis:
    with ExitStack() as stack:
        trials = stack.enter_context(Trials()) if request.trials and hasattr(os, "fork") else None
        run = run_program(
            program,
            timeout=request.timeout,
            memory_mib=request.memory_mib,
            trace_memory_mib=request.trace_memory_mib,
            stdout_to_stderr=request.script_stdout_to_stderr,
        )
        if run.refused:
            raise InputError(run.refused)
        if run.trace is None:
            outcome = ProgramOutcome("timeout" if run.killed == "timeout" else "exit", None, run.seconds, run.exit_code)
            return Diagnosis(request.script, "incomplete", outcome, None, (cut_short(request.script, run, None),))
        if trials is not None:
            trials.prepare(run.trace.modules)
        return _Doctor(request, program, run, run.trace, trials).diagnosis()


class _Doctor:
    """One diagnosis in the making."""

    def __init__(self, request: Request, program: Program, run: Run, trace: Trace, trials: Trials | None) -> None:
        self.request = request
        self.program = program
        self.run = run
        self.readied = readied(trace.head)
        self.trace = trace = replace(trace, head=self.readied.tape)
        self.trials = trials
        self.layers = Layers(trace.head, trace.sources.values(), complete=trace.failure is None)
        # The formula of the loss that updates have to follow, where no other will do; their factors by another one.
        self.meant = ""
        self.paces: dict[int, tuple[str, float]] = {}
        # Whether the right updates climb a likelihood, or a reward.
        self.climbs = False
        self.loss: LossSummary | None = None
        self.failed = False
        # Whether all gradients are right with the repair of what spoils the updates: all else follows from that.
        self.cured = False
        self.times = min(max(len(self.trace.head.operations) / _OPERATIONS, 1.0), _MOST_TIMES)
        self.patience = Patience(self.times * _ALL_JUDGING_SECONDS)

    def diagnosis(self) -> Diagnosis:
        findings = self.findings()
        unmended = [f for f in findings if f.severity == "error" and not f.fixes]
        impossible = self.trials is None or not self.trials.alive or self.failed
        if unmended and self.request.trials and impossible:
            findings.append(trials_impossible(unmended[0]))
        status: Status = "findings" if findings else "clean"
        if self.trace.ended in {"timeout", "interrupted", "memory"} or self.trace.left or self.run.killed:
            status = "incomplete"
        parts = self.outcome(), self.network(), tuple(findings)
        return Diagnosis(self.request.script, status, *parts, hurried=self.patience.ended)

    def findings(self) -> list[Finding]:
        crash = classify(self.trace)
        if crash is not None:
            return [self.crash(crash)]
        if self.trace.testimony.get("compared") is not None:
            return self.attempted(self.asserted, [])
        found: list[Finding] = []
        if self.trace.ended in {"timeout", "memory", "interrupted"} or self.run.killed:
            found.append(cut_short(self.request.script, self.run, self.trace))
        if self.trace.failure is None:
            found = [*(self.silent() or self.training() or self.ungathered()), *found]
        if not found and not self.trace.head.operations and self.trace.ended == "finished":
            found.append(nothing_traced(self.request.script, self.trace))
        return found

    # -- findings with their repairs ----------------------------------------------------------------------------

    def crash(self, crash: Crash) -> Finding:
        layers = self.layers
        if crash.tape is not layers.tape:
            layers = Layers(crash.tape, self.trace.sources.values(), complete=False)
        finding = crash_finding(crash, layers)
        for note in self.attempted(lambda: [reference_note(crash, layers)], []):
            if note:
                finding = replace(finding, message=f"{finding.message}; {note}")
        solutions, search = self.search(self.trace)
        return self.with_repairs(finding, crash, solutions, search)

    def silent(self) -> list[Finding]:
        found: list[Finding] = []
        for mistake in silent_mistakes(self.trace, self.layers):
            if any(f.code in {"SC201", "SC202"} for f in found) and mistake.finding.code in {"SC201", "SC202"}:
                continue  # one wrong shape shows at several places; its repair mends them all
            found.append(self.mend_silent(mistake))
        return found

    def gradients(self, course: Course, explained: set[str]) -> list[Finding]:
        """Wrong gradients, but for those of parameters whose updates are known to be wrong for another reason."""
        with self.patience.at_most(self.times * _JUDGING_SECONDS):
            self.note_loss(course.verdict)
            self.meant = course.verdict.formula if course.verdict.binding else ""
            if not self.meant and course.verdict.verdict == "wrong" and course.steps:
                self.meant = whole_of_a_part(course.replay, course.steps[0])
            self.climbs = course.verdict.verdict == "wrong" and means_to_climb(course)
            mistakes = wrong_gradients(self.trace, self.layers, course.verdict, course.replay)
        unexplained = [m for m in mistakes if not explained or not explained.issuperset(m.finding.parameters)]
        return self.mend_gradients(unexplained)

    def asserted(self) -> list[Finding]:
        """The expressions to blame for gradients that the program itself checked and found wrong."""
        compared = self.trace.testimony["compared"]
        if compared.misshapen:
            mistake = misshapen_gradient(self.trace, self.layers, compared)
            return self.mend_gradients([mistake] if mistake is not None else [])
        known = known_on(self.trace.head, compared)
        if known is None:
            return []
        tape, known = joined_at(self.trace.head, known)
        self.trace = replace(self.trace, head=tape)
        self.layers = Layers(tape, self.trace.sources.values(), complete=False)
        with self.patience.at_most(self.times * _JUDGING_SECONDS):
            accused = accuse(adjoints_of(tape, known), known)
            suspects = accused.suspects if agrees(compared, accused) else []
            mistakes = described(self.trace, self.layers, accused.diagnosis, suspects)
        return self.mend_gradients(mistakes)

    def mend_gradients(self, mistakes: list[SilentMistake], gone: str = "") -> list[Finding]:
        """The findings for expressions that make gradients wrong, each with the edits that make these right.

        With `gone` the gradients are right but for their size, and what a finding of that code says has to end.
        """
        searches = [self.gradient_search(m, self.trials, gone) for m in mistakes] if self.trials is not None else []
        if len(searches) > 1:
            searches[0].joined = lambda: self.attempted(lambda: joined([s.reaching() for s in searches]), [])
        found = [m.finding for m in mistakes]
        for number, search in enumerate(searches):
            if number:
                search.budget.lengthen(_LATER_SECONDS)
            solutions = [s for s in self.attempted(search.run, []) if s.tier == 0]
            if not solutions:
                continue
            fixes = self.fixes(solutions, search)
            best = solutions[0].candidate
            parts = next((j.parts for j in search.together if j.candidate.edits == best.edits), ())
            if not parts:
                # Every gradient is right with it: what else was found follows from this mistake.
                mended = with_fixes(self.trace, found[number], fixes, best.kind, fixes[0].edits[0])
                concerned = dict.fromkeys(name for finding in (mended, *found) for name in finding.parameters)
                return [replace(mended, parameters=tuple(concerned))]
            for position, part in enumerate(parts):
                edit = next((e for e in fixes[0].edits if part is not None and e.line == part.line), None)
                if part is not None and edit is not None:
                    found[position] = with_fixes(self.trace, found[position], fixes[:1], part.kind, edit)
            break  # every gradient is right with it
        return found

    def gradient_search(self, mistake: SilentMistake, trials: Trials, gone: str) -> GradientSearch:
        trace = replace(self.trace, failure=mistake.failure)
        seconds, stdin = self.request.search_seconds, self.run.stdin
        return GradientSearch(
            self.program,
            trace,
            trials,
            seconds=seconds,
            stdin=stdin,
            targets=mistake.targets,
            kept=mistake.kept,
            named=mistake.finding.parameters,
            meant=self.meant,
            climbs=self.climbs,
            missing=mistake.missing,
            gone=gone,
            bound=mistake.bound,
            still=mistake.finding.code == "SC406",
            reason=mistake.reason,
            paces=self.paces if self.meant else {},
        )

    def training(self) -> list[Finding]:
        """Wrong updates and gradients first, each explained once; then data and numbers."""
        course = Course(self.trace, self.layers)
        loops = self.gathered(update_mistakes(course))
        explained = {name for finding in loops for name in finding.parameters}
        # Biases that took a wrong shape took it together: one that is mended by itself leaves the others.
        astray = [f for f in loops if f.code in _SHAPED_ASTRAY and f.parameters in course.aimed]
        apart = [self.mend_loop(f, course) for f in loops if f not in astray]
        gradients = [] if self.cured else self.attempted(lambda: self.gradients(course, explained), [])
        mended = [*apart, *self.mend_astray(astray, course)]
        found = sorted([*mended, *gradients], key=lambda f: -len(f.parameters))
        others = self.gathered(other_mistakes(course, blamed=any(f.severity == "error" for f in found)))
        of_another = [f for f in others if f.parameters in course.meant]
        rest = self.mend_unmoved([f for f in others if f not in of_another], course)
        all_found = [*found, *self.mend_aimed(of_another, course), *(self.mend_other(f, course) for f in rest)]
        verified = (f for f in all_found if any(fix.confidence == "verified" for fix in f.fixes))
        doubted = course.unproven.difference((f.title, f.parameters) for f in verified)
        return [f for f in all_found if (f.title, f.parameters) not in doubted]

    def ungathered(self) -> list[Finding]:
        """What only the single steps of rows and entries show, where they were gathered and nothing was found."""
        single = self.readied.single_steps()
        if single is None:
            return []
        self.trace = replace(self.trace, head=single)
        self.layers = Layers(single, self.trace.sources.values())
        return self.training()

    def mend_other(self, finding: Finding, course: Course) -> Finding:
        """A mistake of the data or the numbers with its repair if there is one."""
        found = finding if finding.fixes else self.mend_size(finding, course)
        return found or self.mend_loop(finding, course)

    def mend_aimed(self, findings: list[Finding], course: Course) -> list[Finding]:
        """Findings that say what expressions should have given, with the edits by which they do."""
        mistakes = []
        for finding in findings:
            targets = course.aimed[finding.parameters]
            self.paces = course.verdict.paces
            self.meant = course.meant.get(finding.parameters, self.meant)
            failure = pseudo_failure(self.trace, self.trace.head, self.trace.head.sites[targets[0].site or 0], ())
            bound = finding.code in _SHAPED_ASTRAY or finding.parameters in course.settled
            mistakes.append(SilentMistake(finding, failure, targets=targets, bound=bound))
        # The gradients are right already where another loss than the one that is followed is meant, or each sample
        # has a bias of its own.
        aside = course.meant.keys() | course.settled
        right = (f.code for f in findings if f.parameters in aside or f.code in _SHAPED_ASTRAY)
        return self.mend_gradients(mistakes, gone=next(right, ""))

    def mend_astray(self, findings: list[Finding], course: Course) -> list[Finding]:
        """Parameters of a wrong shape, with the edits that give all of them the right one."""
        return self.mend_aimed(findings, course) if findings and self.trials is not None else findings

    def mend_size(self, finding: Finding, course: Course) -> Finding | None:
        """A finding of numbers that outgrow a float with the factor left out that makes the steps too long."""
        if finding.code not in NOT_FINITE:
            return None
        found = self.attempted(lambda: [m] if (m := overlong_steps(course, finding)) is not None else [], [])
        mended = self.mend_gradients(found, gone=finding.code)
        return mended[0] if mended and mended[0].fixes else None

    def mend_unmoved(self, findings: list[Finding], course: Course) -> list[Finding]:
        """Findings, and among them those of arrays that are never moved with the steps that move them, if any do."""
        mistakes: dict[int, SilentMistake] = {}

        def look() -> list[SilentMistake]:
            for position, finding in enumerate(findings):
                missing = missing_update(course, finding)
                if missing is not None:
                    site = self.trace.head.sites[missing.neighbours[0].site]
                    failure = pseudo_failure(self.trace, self.trace.head, site, ())
                    mistakes[position] = SilentMistake(finding, failure, missing=missing)
            return list(mistakes.values())

        if not self.attempted(look, []):
            return findings
        mended = self.mend_gradients(list(mistakes.values()))
        found = dict(enumerate(findings))
        if len(mended) == len(mistakes):
            return list((found | dict(zip(mistakes, mended, strict=True))).values())
        return [*mended, *(f for position, f in found.items() if position not in mistakes)]

    def mend_loop(self, finding: Finding, course: Course) -> Finding:
        """A mistake of the training loop with the edits after which it is not found any more."""
        if self.trials is None:
            return finding
        if finding.parameters in course.aimed:
            return self.mend_aimed([finding], course)[0]
        seconds = self.request.search_seconds
        search = LoopSearch(self.program, course, self.trials, finding, seconds=seconds, stdin=self.run.stdin)
        solutions = self.attempted(search.run, [])
        fixes = self.fixes(solutions, search)
        agreed = solutions[0].outcome.agreement if fixes and fixes[0].confidence == "verified" else None
        self.cured = self.cured or (agreed is not None and agreed.verdict == "right" and agreed.same_factor)
        said = "; this mistake is not found in it any more"
        # What is not there is missed where it belongs.
        inserted = bool(fixes) and solutions[0].candidate.kind == "insert"
        cause = place_of(self.trace, fixes[0].edits[0]) if inserted else self.mended_at(finding, solutions)
        return replace(finding, cause=cause, fixes=tuple(replace(f, summary=f.summary + said) for f in fixes))

    def mended_at(self, finding: Finding, solutions: list[Solution]) -> Span:
        """Where a statement belongs elsewhere, or is another, in the best repair; else where the mistake was found."""
        edits = solutions[0].candidate.edits if solutions else ()
        within = [e for e in edits if e.path == finding.cause.path and e.line <= finding.cause.line <= e.end_line]
        indents = bool(edits) and solutions[0].candidate.kind == "indent"
        changed = [e for e in edits if indents or (e.line, e.column) != (e.end_line, e.end_column)]
        # Of a shuffle it is the news, but where the targets are handed on beside it: `ys = y`.
        shuffled = finding.code == "SC407" and bool(changed) and not self.is_handed_on(changed[0])
        stays = within or not changed or shuffled
        return finding.cause if stays else place_of(self.trace, changed[0])

    def gathered(self, findings: Iterator[Finding]) -> list[Finding]:
        """What is found in the time that there is; a fault of ours ends it early."""
        found: list[Finding] = []

        def gather() -> list[Finding]:
            # What was found before the time was up is kept.
            with suppress(TimeoutError), self.patience.at_most(self.times * _JUDGING_SECONDS):
                for finding in findings:
                    found.append(finding)  # noqa: PERF402
            return found

        return self.attempted(gather, found)

    def is_handed_on(self, edit: Edit) -> bool:
        """Whether an edit takes the place of all that an assignment has, which is another name."""
        source = self.trace.sources[edit.path]
        names = (n.value for n in source.nodes() if isinstance(n, ast.Assign) and isinstance(n.value, ast.Name))
        place = edit.line, edit.column, edit.end_line, edit.end_column
        return any(source.place(name) == place for name in names)

    def mend_silent(self, mistake: SilentMistake) -> Finding:
        trace = replace(self.trace, failure=mistake.failure)
        solutions, search = self.search(trace)
        site = self.trace.head.sites[mistake.failure.site or 0]
        identities = [seen.identity for _, seen in mistake.failure.operands]
        tape = self.trace.head
        values = tuple(v.number for v in map(tape.latest, identities) if v is not None)
        crash = Crash(mistake.failure, mistake.finding.code, site, mistake.finding.location, (), tape, values)
        return self.with_repairs(mistake.finding, crash, solutions, search)

    def search(self, trace: Trace) -> tuple[list[Solution], Search | None]:
        if self.trials is None:
            return [], None
        search = Search(self.program, trace, self.trials, seconds=self.request.search_seconds, stdin=self.run.stdin)
        return self.attempted(search.run, []), search

    def attempted(self, work: Callable[[], list[T]], otherwise: list[T]) -> list[T]:
        """Do what only adds to a finding; a fault of ours in it must not cost the finding itself."""
        try:
            return work()
        except Exception:
            if os.environ.get("SHAPECHECK_DEBUG"):
                raise
            self.failed = True
            return otherwise

    def with_repairs(self, finding: Finding, crash: Crash, solutions: list[Solution], search: Search | None) -> Finding:
        if search is None:
            return self.with_cause(finding, crash, self.likely_cause(finding, crash))
        offered = [s for s in solutions if may_be_offered(s)]
        fixes = self.fixes(offered, search)
        if fixes:
            cause = place_of(self.trace, fixes[0].edits[0])
        elif solutions:
            cause = place_of(self.trace, search.edits(solutions[0])[0])
        else:
            cause = self.likely_cause(finding, crash)
        return replace(self.with_cause(finding, crash, cause), fixes=fixes)

    def with_cause(self, finding: Finding, crash: Crash, cause: Span) -> Finding:
        trail: tuple[TrailStep, ...] = ()
        if (cause.path, cause.line) != (finding.location.path, finding.location.line):
            trail = trail_to(self.trace, crash, cause.path, cause.line)
        layer = self.layer_at(cause) or finding.layer
        return replace(finding, cause=cause, trail=trail, layer=layer)

    def layer_at(self, cause: Span) -> int | None:
        """The layer of the one parameter that was made at a place."""
        tape = self.layers.tape
        found = set()
        for root, layer in self.layers.layer_of.items():
            numbers = [root]
            for _ in range(4):
                producer = tape.values[numbers[-1]].producer
                if producer is None:
                    break
                operation = tape.operations[producer]
                site = tape.sites[operation.site] if operation.site is not None else None
                if site is not None and site.path == cause.path and site.line <= cause.line <= site.end_line:
                    found.add(layer)
                if not operation.inputs:
                    break
                numbers.append(operation.inputs[0])
        return found.pop() if len(found) == 1 else None

    def likely_cause(self, finding: Finding, crash: Crash) -> Span:
        """Without a repair: the silent broadcast that fed the failure, if there is one, else where it surfaced."""
        tape = crash.tape
        for broadcast in outer_broadcasts(tape):
            operation = tape.operations[broadcast.operation]
            site = tape.sites[operation.site] if operation.site is not None else None
            if broadcast.deliberate or site is None:
                continue
            if trail_to(self.trace, crash, site.path, site.line):
                return Span(site.path, site.line, site.column, site.end_line, site.end_column, site.text)
        return finding.cause

    def fixes(self, solutions: list[Solution], search: Search) -> tuple[Fix, ...]:
        """The best of some solutions as they are told; the loss that the updates follow with one is remembered."""
        for solution in solutions[:_FIXES_SHOWN]:
            self.note_loss(solution.outcome.agreement)
        return tuple(fix_of(s, search) for s in solutions[:_FIXES_SHOWN])

    # -- the rest of the report ---------------------------------------------------------------------------------

    def outcome(self) -> ProgramOutcome:
        trace = self.trace
        kinds: dict[str, Outcome] = {"finished": "finished", "timeout": "timeout", "exit": "exit"}
        outcome: Outcome = kinds.get(trace.ended, "exception")
        if self.run.killed:
            outcome = "timeout" if self.run.killed == "timeout" else "exit"
        exception = None
        if trace.failure is not None and outcome == "exception":
            exception = (trace.failure.exception, trace.failure.message)
        return ProgramOutcome(outcome, exception, trace.seconds, self.run.exit_code)

    def network(self) -> NetworkSummary | None:
        if not self.layers.layers:
            return None
        rows = []
        for _, layer in sorted(self.layers.layers.items()):
            known = list(dict.fromkeys(zip(layer.names, layer.shapes, strict=True)))
            names, shapes = tuple(name for name, _ in known), tuple(shape for _, shape in known)
            rows.append(LayerSummary(layer.index, names, shapes, layer.activation))
        return NetworkSummary(self.layers.layout, self.loss, tuple(rows))

    def note_loss(self, agreement: Agreement | None) -> None:
        """Remember the loss that updates were found to follow, in the program or in a repaired copy of it."""
        if self.loss is None and agreement is not None and agreement.verdict == "right":
            self.loss = LossSummary(None, agreement.formula, agreement.inferred)
