"""The search for a repair of a mistake of the training loop: edits made for it, each run and looked at again."""

from __future__ import annotations

from dataclasses import replace

from shapecheck.diagnose.finding import Finding
from shapecheck.diagnose.unmoved import NOTHING_MOVES
from shapecheck.network.parameters import find_parameters
from shapecheck.repair.attempt import Attempt
from shapecheck.repair.candidate import apply_edits
from shapecheck.repair.counters import counters
from shapecheck.repair.earlier import earlier
from shapecheck.repair.evidence import NOT_FINITE, GoneEvidence, spread_on
from shapecheck.repair.first_steps import first_steps
from shapecheck.repair.loop_edits import loop_edits
from shapecheck.repair.search import Search, _Stage, _Trial
from shapecheck.repair.trial import Trials
from shapecheck.trace.child import Trace
from shapecheck.trace.run import Program


class LoopSearch(Search):
    """Tries the edits that a finding asks for; the program runs as it is, so nothing is pruned by shapes."""

    def __init__(
        self, program: Program, trace: Trace, trials: Trials, finding: Finding, *, seconds: float, stdin: bytes = b""
    ) -> None:
        super().__init__(program, trace, trials, seconds=seconds, stdin=stdin)
        self.finding = finding
        begins = finding.title == NOTHING_MOVES
        hides = finding.code in NOT_FINITE
        self.evidence = GoneEvidence(
            len(find_parameters(trace.head)), spread_on(trace.head), begins=begins, hides=hides
        )

    def _expand(self, stage: _Stage) -> None:
        if stage.start is not None:
            return
        generators = (loop_edits, first_steps, counters, earlier)
        for candidate in [c for generate in generators for c in generate(self.trace, self.finding)]:
            try:
                edited = apply_edits(self.originals[candidate.path], candidate.edits)
                compile(edited, candidate.path, "exec", dont_inherit=True)
            except (ValueError, SyntaxError):
                continue
            self._push(candidate.cost, _Trial(stage, candidate, {candidate.path: edited}, candidate.edits, None))

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
        return order if whole else replace(order, window_events=min(order.window_events, 12_000), stop=True)


__all__ = ["LoopSearch"]
