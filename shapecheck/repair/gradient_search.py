"""The search for a repair of a wrong gradient: edits around what is to blame, each judged by numeric gradients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from shapecheck.repair.attempt import Attempt
from shapecheck.repair.calculus import accumulation_candidates, calculus_candidates
from shapecheck.repair.calls import call_candidates
from shapecheck.repair.candidate import Candidate, Place
from shapecheck.repair.naming import index_candidates, name_candidates
from shapecheck.repair.products import product_candidates, regroup_candidates
from shapecheck.repair.search import Search, _Stage, _Trial
from shapecheck.repair.shaping import shaping_candidates
from shapecheck.repair.surroundings import Surroundings, own_expressions

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


class GradientSearch(Search):
    """Searches around a place to blame; the program itself runs, so nothing is pruned by shapes."""

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
