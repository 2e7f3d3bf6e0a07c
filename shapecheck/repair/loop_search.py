"""The search for a repair of a mistake of the training loop: edits made for it, each run and looked at again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from shapecheck.diagnose.course import Course
from shapecheck.diagnose.finding import Finding
from shapecheck.diagnose.later import OVERWRITTEN
from shapecheck.network.parameters import find_parameters
from shapecheck.repair.attempt import Attempt
from shapecheck.repair.candidate import apply_edits
from shapecheck.repair.counters import counters
from shapecheck.repair.earlier import earlier
from shapecheck.repair.evidence import NOT_FINITE, GoneEvidence, spread_on
from shapecheck.repair.first_steps import first_steps
from shapecheck.repair.fuller_lists import fuller_lists, left_out
from shapecheck.repair.indents import indented
from shapecheck.repair.loop_edits import loop_edits
from shapecheck.repair.loop_turns import longer_loops
from shapecheck.repair.lost_numbers import numbers_as_arrays
from shapecheck.repair.moments import kept_moments
from shapecheck.repair.number_steps import gradients_of_steps
from shapecheck.repair.passes import passes_apart
from shapecheck.repair.plain import compiled
from shapecheck.repair.repeated_rows import every_row
from shapecheck.repair.search import Search, _Stage, _Trial
from shapecheck.repair.sums import kept_sums
from shapecheck.repair.trial import Trials
from shapecheck.repair.unit_steps import steps_of_units
from shapecheck.repair.unread_arguments import unread_arguments
from shapecheck.repair.velocities import fed_velocities
from shapecheck.repair.whereabouts import Lookout, Sighting
from shapecheck.trace.run import Program

_GENERATORS = (
    loop_edits,
    counters,
    earlier,
    kept_sums,
    passes_apart,
    kept_moments,
    every_row,
    numbers_as_arrays,
    unread_arguments,
    steps_of_units,
    indented,
)


class LoopSearch(Search):
    """Tries the edits that a finding asks for; the program runs as it is, so nothing is pruned by shapes."""

    def __init__(
        self,
        program: Program,
        course: Course,
        trials: Trials,
        finding: Finding,
        *,
        seconds: float,
        stdin: bytes = b"",
    ) -> None:
        super().__init__(program, course.trace, trials, seconds=seconds, stdin=stdin)
        self.finding = finding
        self.unapplied = course.unapplied.get(finding.parameters, ())
        self.stepped = course.stepped.get(finding.parameters, ())
        self.unfed = course.unfed.get(finding.parameters, ())
        self.left_out = left_out(course, finding) if finding.code == "SC406" else []
        hides = finding.code in NOT_FINITE
        # Steps of single rows are not seen as steps of parameters.
        begins = [one for one in self.unapplied if not one.is_part(course.tape)]
        updated = len(find_parameters(course.tape)) + len(begins)
        first = bool(begins or self.unfed)
        mended = finding.parameters if finding.title == OVERWRITTEN else ()
        self.evidence = GoneEvidence(updated, spread_on(course.tape), begins=first, hides=hides, mended=mended)

    def _expand(self, stage: _Stage) -> None:
        if stage.start is not None:
            return
        found = [c for generate in _GENERATORS for c in generate(self.trace, self.finding)]
        if self.left_out:
            found += longer_loops(self.trace)
            found += fuller_lists(self.trace, self.finding, self.left_out)
        if self.unapplied:
            found += first_steps(self.trace, self.unapplied, self.program.kept, self._look)
        if self.unfed:
            found += fed_velocities(self.trace, self.finding, self.unfed, self._look)
        if self.stepped:
            found += gradients_of_steps(self.trace, self.finding, self.stepped, self._look)
        for candidate in found:
            try:
                edited = apply_edits(self.originals[candidate.path], candidate.edits)
                compiled(edited, candidate.path)
            except (ValueError, SyntaxError):
                continue
            self._push(candidate.cost, _Trial(stage, candidate, {candidate.path: edited}, candidate.edits, None))

    def _look(self, lookout: Lookout) -> dict[int, Sighting]:
        """What is seen at some places of the program."""
        order = Attempt(
            program=self.program,
            seconds=lookout.seconds + 2,
            window_events=0,
            stop=True,
            folder=str(Path.cwd()),
            stdin=self.stdin,
            lookout=lookout,
            generators=self.trace.generators,
        )
        outcomes = [outcome for _, outcome in self.trials.run([order]) if outcome is not None]
        return outcomes[0].seen if outcomes else {}

    def attempt(
        self,
        texts: dict[str, str],
        *,
        stage: _Stage | None = None,  # noqa: ARG002 - a program that runs has no failure to get beyond
        whole: bool = False,
    ) -> Attempt:
        """The order for one trial: run it, hold its updates against gradients, and ask for the finding again."""
        order = super().attempt(texts, stage=None, whole=whole)
        order = replace(order, recheck=self.finding.code)
        # Where the data are made first, item by item, the steps that begin come late.
        most = order.window_events if self.unapplied else min(order.window_events, 12_000)
        return order if whole else replace(order, window_events=most, stop=True)


__all__ = ["LoopSearch"]
