"""The search for a repair of a wrong gradient: edits around the expression to blame, each judged by numeric gradients."""

from __future__ import annotations

from collections.abc import Iterator

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

    def _generate(self, surroundings: Surroundings, places: dict[tuple[str, int], Place]) -> Iterator[Candidate]:
        for suspect in surroundings.suspects():
            if suspect.distance > _NEAR:
                continue
            place = Place(surroundings, suspect.path, suspect.statement, suspect.distance)
            yield from accumulation_candidates(place)
            for node in own_expressions(suspect.statement):
                for generate in _GENERATORS:
                    yield from generate(place, node)

    def _promising(self, trial: _Trial) -> bool:
        return True

    def attempt(self, texts: dict[str, str], *, stage: _Stage | None = None, whole: bool = False) -> Attempt:
        """The order for one trial: the first steps tell, unless it is to be run whole."""
        order = super().attempt(texts, stage=None, whole=whole)
        if whole:
            return order
        from dataclasses import replace

        return replace(order, window_events=min(order.window_events, 12_000), stop=True)
