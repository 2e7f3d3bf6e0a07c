"""What speaks for an edited program: whether it is right, and which of several that run is the likelier repair."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from shapecheck.gradients.followed import Agreement
from shapecheck.network.broadcasts import outer_broadcasts
from shapecheck.repair.attempt import AttemptOutcome
from shapecheck.repair.candidate import Candidate
from shapecheck.trace.tape import Tape

# Codes of numbers that are not finite.
NOT_FINITE = frozenset({"SC501", "SC502"})
# A rate that is one and the same differs by rounding alone.
_PACE = 0.01


@dataclass(frozen=True)
class Solution:
    """An edited program that a trial ran.

    Attributes:
        texts: File -> its whole text with the edits made.
        tier: 0 gradients right; 1 right up to unequal factors, or a test that makes assertions passes; 2 it runs, and
            there is nothing to hold it against; 3 it runs and the gradients are wrong.
    """

    candidate: Candidate
    texts: dict[str, str]
    outcome: AttemptOutcome
    tier: int

    @property
    def rank(self) -> tuple[int, float]:
        """Best first."""
        return self.tier, self.candidate.cost


class Evidence:
    """Judges outcomes, each by itself and against one another.

    Attributes:
        parameters: How many arrays the program updated before it died: no repair updates fewer.
        spread: Expressions of the program as it is that spread two operands, and their lines: a repair need not mend
            them, and an edit in such an expression may spread the same two.
        climbs: Whether the program means to go up the slope of what it computes: of a likelihood, or a reward.
        named: Parameters that the repair is for: of a trial that ends before it updates them nothing is known.
    """

    def __init__(
        self,
        parameters: int = 0,
        spread: Collection[str | int] = (),
        *,
        climbs: bool = False,
        named: Collection[str] = (),
    ) -> None:
        self.parameters = parameters
        self.climbs = climbs
        self.named = frozenset(named)
        self.spread = frozenset(spread)

    def judge(self, candidate: Candidate, texts: dict[str, str], outcome: AttemptOutcome) -> Solution | None:
        """What an outcome is worth; None for what does not run, spreads two operands, or has other parameters."""
        spread = [text for line, text in outcome.broadcasts if self.spread.isdisjoint({line, text})]
        if outcome.ended not in {"finished", "stopped", "exit", "refused"} or spread:
            return None
        agreement = outcome.agreement
        if agreement is None or agreement.grew or outcome.witness.unlearned:
            return None
        if outcome.witness.parameters < self.parameters or outcome.differs:
            return None
        tier = _tier(agreement, outcome, climbs=self.climbs)
        seen = {row.name for row in agreement.parameters}
        unseen = outcome.ended == "stopped" and not self.named <= seen
        return Solution(candidate, texts, outcome, 2 if unseen and tier < 2 else tier)

    def ranked(self, solutions: list[Solution]) -> list[Solution]:
        """The solutions, best first; those that cut something off that others keep come after the others."""
        return sorted(solutions, key=lambda s: (s.tier, self._losses(s, solutions), s.candidate.cost + self._doubt(s)))

    @staticmethod
    def _doubt(solution: Solution) -> float:
        """Another name that fits by its shape says little where no gradient speaks for it."""
        return 0.8 if solution.tier == 2 and solution.candidate.kind == "name" else 0.0

    @staticmethod
    def _losses(solution: Solution, among: list[Solution]) -> int:
        """How many kinds of evidence another solution of the tier has more of."""
        peers = [s.outcome.witness for s in among if s.tier == solution.tier]
        own = solution.outcome.witness
        parameters = own.parameters < max(w.parameters for w in peers)
        connected = own.parameters == max(w.parameters for w in peers) and own.connected < max(
            w.connected for w in peers if w.parameters == own.parameters
        )
        larger = own.parameters == max(w.parameters for w in peers) and own.entries > min(
            w.entries for w in peers if w.parameters == own.parameters
        )
        return int(parameters) * 2 + int(connected) + int(larger)


class GoneEvidence(Evidence):
    """Accepts only what no longer shows the mistake that the edit is for, and goes on updating all that it did.

    Attributes:
        updated: How many arrays the program updates as it is.
        begins: Whether the edits are its first steps, for which no rate is known: the loss has to fall.
        hides: Whether the edits only keep numbers finite: that proves nothing where the steps themselves are too long.
        mended: Parameters of which the finding says that their gradients are right without the mistake.
        paces: Where the steps follow a loss as they are, the factor of each: a repair that follows another one has its
            factors in the same ratio. Of a single sample many an error points where the right one does.
    """

    def __init__(
        self,
        updated: int,
        spread: Collection[str | int],
        *,
        begins: bool,
        hides: bool,
        mended: Collection[str] = (),
        paces: Mapping[int, tuple[str, float]] | None = None,
    ) -> None:
        super().__init__(spread=spread)
        self.begins = begins
        self.hides = hides
        self.updated = updated
        self.mended = frozenset(mended)
        self.paces = paces or {}

    def judge(self, candidate: Candidate, texts: dict[str, str], outcome: AttemptOutcome) -> Solution | None:
        """As for any repair; None where the finding is still there, or a parameter is left where it is."""
        whole = outcome.ended in {"finished", "exit"}  # else it may not have come to all of them
        if self.begins and (outcome.agreement is None or not outcome.agreement.falls):
            return None
        lost = whole and outcome.witness.parameters < self.updated
        rows = outcome.agreement.parameters if outcome.agreement is not None else ()
        still_wrong = any(row.name in self.mended and row.verdict == "wrong" for row in rows)
        solution = None if outcome.remains or lost or still_wrong else super().judge(candidate, texts, outcome)
        if solution is not None and self.hides and solution.tier == 0 and not self._falls(outcome):
            return replace(solution, tier=2)
        if solution is not None and solution.tier == 0 and not self._keeps_pace(outcome):
            return replace(solution, tier=3)
        return solution

    def _keeps_pace(self, outcome: AttemptOutcome) -> bool:
        paces = outcome.agreement.paces if outcome.agreement is not None else {}
        ratios: dict[tuple[str, str], float] = {}
        for number, (formula, pace) in paces.items():
            if number in self.paces:
                before, known = self.paces[number]
                if abs(pace / known / ratios.setdefault((before, formula), pace / known) - 1) > _PACE:
                    return False
        return True

    @staticmethod
    def _falls(outcome: AttemptOutcome) -> bool:
        return outcome.agreement is not None and outcome.agreement.falls


def spread_on(tape: Tape) -> set[str | int]:
    """The expressions of a program that spread two operands though nothing says that they are meant to, and lines."""
    found = [b for b in outer_broadcasts(tape) if not b.deliberate]
    sites = [tape.sites[site] for b in found if (site := tape.operations[b.operation].site) is not None]
    return {site.text for site in sites} | {site.line for site in sites}


def _tier(agreement: Agreement, outcome: AttemptOutcome, *, climbs: bool) -> int:
    if outcome.ended == "finished" and agreement.verdict != "wrong":
        if outcome.checked:
            return 0
        if outcome.asserts and agreement.verdict == "unknown":
            return 1
    if agreement.verdict == "right" and agreement.ascent and not climbs:
        return 3
    if agreement.verdict == "right":
        return 0 if agreement.same_factor and not agreement.unproven else 1
    return 2 if agreement.verdict == "unknown" else 3
