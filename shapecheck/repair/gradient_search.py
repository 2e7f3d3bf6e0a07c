"""The search for a repair of a wrong gradient: edits around what is to blame, each judged by numeric gradients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from shapecheck.diagnose.targets import Target
from shapecheck.repair.aims import aims
from shapecheck.repair.attempt import Attempt
from shapecheck.repair.audition import Audition, edited_slice, is_expression, rewritten_program
from shapecheck.repair.calculus import accumulation_candidates, calculus_candidates
from shapecheck.repair.calls import call_candidates
from shapecheck.repair.candidate import Candidate, Place, apply_edits
from shapecheck.repair.evidence import Solution
from shapecheck.repair.naming import index_candidates, name_candidates
from shapecheck.repair.products import product_candidates, regroup_candidates
from shapecheck.repair.rewritings import rewritings
from shapecheck.repair.search import Search, _Stage, _Trial
from shapecheck.repair.shaping import shaping_candidates
from shapecheck.repair.surroundings import Surroundings, own_expressions
from shapecheck.repair.trial import Trials
from shapecheck.trace.child import Trace
from shapecheck.trace.run import Program

_GENERATORS = (
    calculus_candidates,
    product_candidates,
    regroup_candidates,
    index_candidates,
    call_candidates,
    shaping_candidates,
    name_candidates,
)
_NEAR = 3
# How much likelier an edit is that gives what the adjoints ask for; so many of them are tried at each place.
_REACHES = 4.0
_MOST_FITTING = 16


class GradientSearch(Search):
    """Searches around a place to blame; the program itself runs, so nothing is pruned by shapes.

    Attributes:
        targets: What the adjoints say that expressions should have given; edits that reach one are tried first.
    """

    def __init__(
        self,
        program: Program,
        trace: Trace,
        trials: Trials,
        *,
        seconds: float,
        stdin: bytes = b"",
        targets: Sequence[Target] = (),
    ) -> None:
        super().__init__(program, trace, trials, seconds=seconds, stdin=stdin)
        self.targets = targets

    def run(self) -> list[Solution]:
        """Solutions, best first."""
        stage = _Stage(self.trace, {})
        for candidate, place in self._fitting():
            text = self.originals.get(candidate.path, "")
            trial = _Trial(stage, candidate, {candidate.path: apply_edits(text, candidate.edits)}, candidate.edits, place)
            self._push(candidate.cost, trial)
        return super().run()

    def _fitting(self) -> list[tuple[Candidate, Place]]:
        """The edits that reach a target, going by what they give in place."""
        surroundings = Surroundings(self.trace)
        orders: list[Attempt] = []
        heard: list[tuple[list[Candidate], Place]] = []
        for distance, aim in enumerate(aims(self.trace.head, surroundings, self.targets)):
            module = surroundings.modules[aim.path]
            place = Place(surroundings, aim.path, module.statement(aim.node), 0)
            spot = place.edit(aim.node, place.text(aim.node))
            candidates: dict[str, Candidate] = {}
            for candidate in rewritings(place, aim.node):
                text = edited_slice(place.source.text, spot, candidate.edits)
                if text is not None and is_expression(text):
                    candidates.setdefault(text, replace(candidate, cost=candidate.cost + 0.2 * distance))
            audition = Audition(spot, tuple(candidates), aim.instances)
            try:
                text = rewritten_program(self.originals[aim.path], audition)
                compile(text, aim.path, "exec", dont_inherit=True)
            except (SyntaxError, ValueError, RecursionError):
                continue
            orders.append(self._order(text, aim.path, audition))
            heard.append((list(candidates.values()), place))
        found: list[tuple[Candidate, Place]] = []
        for number, outcome in self.trials.run(orders):
            candidates_here, place = heard[number]
            if outcome is not None and outcome.heard is not None:
                self.heard += outcome.heard.tried
                chosen = sorted((candidates_here[i] for i in outcome.heard.factors), key=lambda c: c.cost)
                found += [(replace(c, cost=c.cost - _REACHES), place) for c in chosen[:_MOST_FITTING]]
        return found

    def _order(self, text: str, path: str, audition: Audition) -> Attempt:
        return Attempt(
            program=replace(self.program, replaced={**self.program.replaced, path: text}),
            seconds=2 * audition.seconds + 2,
            window_events=0,
            stop=True,
            folder=str(Path.cwd()),
            stdin=self.stdin,
            audition=audition,
            generators=self.trace.generators,
        )

    def _generate(
        self,
        surroundings: Surroundings,
        places: dict[tuple[str, int], Place],  # noqa: ARG002 - they serve the pruning by shapes, which there is none of
    ) -> Iterator[Candidate]:
        for suspect in surroundings.suspects():
            if suspect.distance > _NEAR:
                continue
            place = Place(surroundings, suspect.path, suspect.statement, suspect.distance)
            yield from accumulation_candidates(place)
            for node in own_expressions(suspect.statement):
                for generate in _GENERATORS:
                    yield from generate(place, node)

    def _promising(self, trial: _Trial) -> bool:  # noqa: ARG002 - see above
        return True

    def attempt(
        self,
        texts: dict[str, str],
        *,
        stage: _Stage | None = None,  # noqa: ARG002 - a program that runs has no failure to get beyond
        whole: bool = False,
    ) -> Attempt:
        """The order for one trial: the first steps tell, unless it is to be run whole."""
        order = super().attempt(texts, stage=None, whole=whole)
        if whole:
            return order
        return replace(order, window_events=min(order.window_events, 12_000), stop=True)
