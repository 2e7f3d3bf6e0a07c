"""The search for a repair of a wrong gradient: edits around what is to blame, each judged by numeric gradients."""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from shapecheck.diagnose.finding import Edit
from shapecheck.diagnose.missing import Missing
from shapecheck.diagnose.targets import Target
from shapecheck.network.parameters import find_parameters
from shapecheck.repair.accumulations import accumulation_candidates
from shapecheck.repair.aims import Aim, aims
from shapecheck.repair.attempt import Attempt
from shapecheck.repair.audition import Audition, Heard, edited_slice, is_expression, rewritten_program
from shapecheck.repair.beginning import Beginning
from shapecheck.repair.calculus import calculus_candidates
from shapecheck.repair.calls import call_candidates
from shapecheck.repair.candidate import Candidate, Place, apply_edits
from shapecheck.repair.carried import begun
from shapecheck.repair.definitions import Definition, definitions
from shapecheck.repair.desk import Desk
from shapecheck.repair.evidence import Evidence, GoneEvidence, Solution, spread_on
from shapecheck.repair.exchanges import exchange_candidates
from shapecheck.repair.held import drawn_once, kept_when_drawn, unmade
from shapecheck.repair.indents import indented_sums
from shapecheck.repair.insertions import Insertion, additions_in_idle_loops, insertions, times_values, whole_values
from shapecheck.repair.joint import Joint
from shapecheck.repair.loop_turns import longer_loops, unbroken
from shapecheck.repair.moves import kept_before_made, move_candidates
from shapecheck.repair.naming import index_candidates, name_candidates
from shapecheck.repair.penalties import lacks_a_penalty, penalty_candidates, penalty_statements, summed_terms
from shapecheck.repair.products import product_candidates, regroup_candidates
from shapecheck.repair.rewritings import pairs_of, rewritings
from shapecheck.repair.scattered import index_rewritings, where_defined
from shapecheck.repair.search import Search, _Stage, _Trial
from shapecheck.repair.shaping import shaping_candidates
from shapecheck.repair.surroundings import Surroundings, own_expressions
from shapecheck.repair.terms import worth_a_look
from shapecheck.repair.trial import Trials
from shapecheck.repair.windows import window_candidates
from shapecheck.trace.child import Trace
from shapecheck.trace.patience import patient
from shapecheck.trace.run import Program
from shapecheck.trace.tape import Shape

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
# How long edits are tried all the same when none gives what the adjoints ask for: it may belong elsewhere.
_SECONDS_WITHOUT_HOPE = 6.0
_MOST_PAIRED = 2
# To put thousands of rewritings into a program takes seconds: the likeliest go by themselves.
_FIRST_PAIRS = 2_500
# What an edit may cost that is tried before anything is heard.
_EVIDENT = 0.5
_MOST_SUMMED = 1_500
# So many events of a trial are recorded in any case.
_WINDOW = 12_000
# How far from 1 or -1 a factor may be that is taken to be none, or a sign.
_EXACT = 1e-4
# How much likelier an edit is that gives the size as well.
_SIZED = 0.3
_HEARD_AT_ONCE = 2
_FEW_TEXTS = 60
# By so many single numbers an expression is known; one is a multiple of any other.
_TOLD_APART = 4
_SECONDS_CONTENT = 1.0
# Where an expression is only right in the first turn of a loop, since what it is made from is wrong in the others.
_SECONDS_CONTENT_AT_FIRST = 6.0
# How long edits that give what the adjoints ask for are tried in any case.
_SECONDS_TO_PROVE = 5.0


@dataclass(eq=False)
class _Asked:
    """An expression to be heard: what it is aimed at, where it stands, and how likely it is not the place.

    Attributes:
        defined: Where one of its names was defined just before, if it is that definition that is to be rewritten.
        insertions: Statements that a rewriting is to be the value of, if the expression itself is to stay.
    """

    aim: Aim
    place: Place
    doubt: float
    candidates: list[Candidate] = field(default_factory=list)
    defined: Definition | None = None
    insertions: tuple[Insertion, ...] = ()

    @property
    def spot(self) -> Edit:
        """The expression, as an edit that replaces it by itself."""
        return self.place.edit(self.aim.node, self.place.text(self.aim.node))

    @property
    def shape(self) -> Shape | None:
        """The shape that the expression should have; None for one that is used in it, or where that is not known."""
        if self.defined is not None:
            return None
        if self.aim.shape is not None:
            return self.aim.shape
        if self.aim.around != ("", ""):
            statement = self.place.statement
            return self.place.shape(statement.target) if isinstance(statement, ast.AugAssign) else None
        return tuple(np.shape(self.aim.instances[0].wanted[0]))

    def text(self, candidate: Candidate) -> str | None:
        """The expression as it would be with a candidate's edits made; None where they do not go together."""
        whole = self.place.source.text
        if self.defined is None:
            return edited_slice(whole, self.spot, candidate.edits)
        inner = self.place.edit(self.defined.value, self.place.text(self.defined.value))
        value = edited_slice(whole, inner, candidate.edits)
        if value is None:
            return None
        return edited_slice(
            whole, self.spot, [replace(self.place.edit(u, ""), replacement=f"({value})") for u in self.defined.uses]
        )

    def turned(self, candidate: Candidate) -> Candidate | None:
        """A rewriting with the sign turned round; None where the expression is only a part of what was heard."""
        text = self.text(candidate)
        if text is None or self.defined is not None or self.insertions or self.aim.around != ("", ""):
            return None
        loose = isinstance(ast.parse(text.strip(), mode="eval").body, ast.BinOp | ast.Compare | ast.IfExp)
        edit = self.place.edit(self.aim.node, f"-({text})" if loose else f"-{text}")
        return replace(
            candidate,
            title=f"{candidate.title}, and turn the sign round",
            edits=(edit,),
            cost=candidate.cost + 0.1,
            fit=-candidate.fit if candidate.fit is not None else None,
        )

    def offered(self, candidate: Candidate) -> list[Candidate]:
        """The edits that a rewriting stands for, the likeliest first."""
        if not self.insertions:
            return [*where_defined(self.place, self.aim.node, candidate), candidate] if self.aim.index else [candidate]
        text = edited_slice(self.place.source.text, self.spot, candidate.edits)
        each = enumerate(self.insertions) if text is not None else ()
        return [one.candidate(text or "", candidate.cost + 0.1 * number) for number, one in each]


def _looked_at(asked: _Asked) -> tuple[str, ...]:
    """The expressions of which to see first what they are where the rewritings will be heard."""
    found = definitions(asked.place.module, asked.aim.node)
    texts = worth_a_look(asked.place, [asked.aim.node, *(d.value for d in found)])
    return tuple(text for text in texts if is_expression(text))


class GradientSearch(Search):
    """Searches around a place to blame; the program itself runs, so nothing is pruned by shapes.

    Attributes:
        targets: What the adjoints say that expressions should have given; edits that reach one are tried first.
        beginning: What is computed before the first update, and stays as it is.
        meant: The formula of the loss that the updates have to follow, where no other will do.
        missing: The statement that is not there, if that is what is wrong.
        gone: Code of a finding that has to end, where the gradients are right but for their size.
        bound: Whether only what reaches a target is tried.
        still: Whether what is wrong is that a parameter does not move at all.
        reason: What is wrong with the place: the order of several results (`exchanged`), or that the last of several
            additions alone is kept (`last`).
        paces: Number of a step -> the factor of its changes, where they follow another loss than the one that is meant.
        joined: Finds edits for this mistake and others, to be tried at once.
        together: These, once they are asked for.
    """

    # What the adjoints ask for comes first, and the first of it is mostly right.
    batch = 4
    margin = 0.4

    def __init__(
        self,
        program: Program,
        trace: Trace,
        trials: Trials,
        *,
        seconds: float,
        stdin: bytes = b"",
        targets: Sequence[Target] = (),
        kept: Sequence[int] = (),
        named: Sequence[str] = (),
        meant: str = "",
        climbs: bool = False,
        missing: Missing | None = None,
        gone: str = "",
        bound: bool = False,
        still: bool = False,
        reason: str = "",
        paces: Mapping[int, tuple[str, float]] | None = None,
    ) -> None:
        super().__init__(program, trace, trials, seconds=seconds, stdin=stdin)
        # Trials see less of a long run than the trace does; the beginning tells whether a parameter is missing.
        moved = len(find_parameters(trace.head)) + missing.arrays if missing is not None and missing.moves else 0
        spread = spread_on(trace.head)
        self.gone = gone
        updated = len(find_parameters(trace.head)) if gone else 0
        self.evidence = Evidence(moved, spread, climbs=climbs, named=named)
        if gone:
            self.evidence = GoneEvidence(updated, spread, begins=False, hides=False, paces=paces)
        self.targets = targets
        self.named = named
        self.missing = missing
        self.bound = bound
        self.still = still
        self.reason = reason
        self.beginning = Beginning.of(trace.head, kept, named)
        self.meant = meant
        self.joined: Callable[[], Sequence[Joint]] = tuple
        self.together: Sequence[Joint] = ()
        self._reaching: list[Candidate] | None = None

    def run(self) -> list[Solution]:
        """Solutions, best first."""
        if not self.bound and (proven := self._proven(self._evident())):
            return proven
        self.together = self.joined()
        fitting = self.reaching()
        if self.heard and not fitting:
            self.budget.shorten(_SECONDS_WITHOUT_HOPE)
        elif fitting:
            self.budget.lengthen(_SECONDS_TO_PROVE)
        stage = _Stage(self.trace, {})
        # Where there are several mistakes, no edit for one of them is likely to be all.
        queue = [(-_REACHES + joint.candidate.cost, joint.candidate) for joint in self.together]
        for cost, candidate in [*queue, *((c.cost, c) for c in fitting)]:
            try:
                text = apply_edits(self.originals.get(candidate.path, ""), candidate.edits)
            except ValueError:
                continue  # the edits for two mistakes are at one place
            self._push(cost, _Trial(stage, candidate, {candidate.path: text}, candidate.edits, None))
        return super().run()

    def _evident(self) -> list[Candidate]:
        """Edits that the statement itself suggests, whatever its expressions may be; few, and tried before the rest."""
        surroundings = Surroundings(self.trace)
        around = [s for s in surroundings.suspects() if s.path not in self.program.kept]
        places = [Place(surroundings, s.path, s.statement, 0) for s in around if not s.distance]
        evident = np.inf if self.reason == "last" else _EVIDENT
        found = [c for place in places for c in accumulation_candidates(place) if c.cost <= evident]
        if self.reason == "last":
            desks = [(Desk(p.module, p.path), p.statement) for p in places]
            loops = [(desk, loop) for desk, statement in desks if (loop := desk.loop(statement)) is not None]
            found += [c for desk, loop in loops for c in indented_sums(desk, loop)]
        found += [c for place in places for c in (*penalty_candidates(place), *summed_terms(place))]
        if lacks_a_penalty(self.trace.head, self.targets, self.named):
            found += [c for place in places for c in penalty_statements(place)]
        found += [c for s in around for c in kept_before_made(Place(surroundings, s.path, s.statement, 0))]
        found += [c for place in places for c in (*drawn_once(place), *unmade(place), *kept_when_drawn(place))]
        found += [c for place in places for c in window_candidates(place)]
        steps = self._lines_of_steps()
        found += [c for p in places for c in unbroken(Desk(p.module, p.path), p.statement, steps.get(p.path, ()))]
        found += [c for place in places if self.reason == "exchanged" for c in exchange_candidates(place)]
        if self.missing is not None and not self.missing.moves:
            found += additions_in_idle_loops(self.trace.head, surroundings, self.missing)
        if self.still:
            found += [c for c in longer_loops(self.trace) if c.path not in self.program.kept]
        return found

    def _lines_of_steps(self) -> dict[str, set[int]]:
        """File -> the lines on which parameters are stepped."""
        tape, found = self.trace.head, dict[str, set[int]]()
        for number in {u.operation for p in find_parameters(tape, most_updates=1) for u in p.updates}:
            made = tape.operations[number].site
            if made is not None:
                found.setdefault(tape.sites[made].path, set()).add(tape.sites[made].line)
        return found

    def _proven(self, candidates: Sequence[Candidate]) -> list[Solution]:
        """Those of a few edits that make all gradients right."""
        tried = []
        for candidate in candidates:
            try:
                edited = apply_edits(self.originals[candidate.path], candidate.edits)
            except ValueError:
                continue
            tried.append((candidate, {candidate.path: edited}))
        found = []
        for number, outcome in self.trials.run([self.attempt(texts) for _, texts in tried]) if tried else ():
            self.tried += 1
            if outcome is not None and outcome.ended != "exception":
                found.append(self.evidence.judge(*tried[number], outcome))
        return self._confirm(self.evidence.ranked([s for s in found if s is not None and s.tier == 0]))

    def _limit(self, found: list[Solution]) -> float:
        """What an edit may cost to be tried still; nothing where edits for several mistakes are proven together."""
        joint = {joint.candidate.edits for joint in self.together}
        if any(s.tier == 0 and s.candidate.edits in joint for s in found):
            return -float("inf")
        return super()._limit(found)

    def _next_batch(self, limit: float) -> list[_Trial]:
        """What to try side by side: what the adjoints ask for is not held up by what they do not."""
        first = self._queue[0][0] if self._queue else 0.0
        return super()._next_batch(min(limit, first + self.margin) if first < -_REACHES / 2 else limit)

    def reaching(self) -> list[Candidate]:
        """The edits that give what the adjoints ask for at the place to blame, the likeliest first."""
        if self._reaching is None:
            # Of several additions of which the last is kept only all together give what is wanted.
            kept = self._evident() if self.reason == "last" else []
            added = [c for c in kept if c.kind == "accumulate"]
            self._reaching = sorted([*added, *self._fitting()], key=lambda candidate: candidate.cost)
        return self._reaching

    def _fitting(self) -> list[Candidate]:
        """The edits that reach a target, going by what they give in place; two at once where none does alone."""
        surroundings = Surroundings(self.trace)
        asked: list[_Asked] = []
        for distance, aim in enumerate(aims(self.trace.head, surroundings, self.targets)):
            if aim.path in self.program.kept:
                continue
            place = Place(surroundings, aim.path, surroundings.modules[aim.path].statement(aim.node), 0)
            asked.append(_Asked(aim, place, 0.2 * distance))
        asked += self._inserted(surroundings)
        known = [replace(a, place=place) for a, place in self._with_scopes(asked)]
        for one in [k for k in known if not k.insertions and not k.aim.index]:
            found_before = definitions(one.place.module, one.aim.node)
            known += [replace(one, doubt=one.doubt + 0.1, defined=definition) for definition in found_before]
        for one in known:
            node = one.aim.node if one.defined is None else one.defined.value
            if one.aim.index:
                found_here = index_rewritings(one.place, node)
                one.candidates = [replace(c, cost=c.cost + one.doubt) for c in found_here]
                continue
            found_here = rewritings(one.place, node, one.shape, told_apart=len(one.aim.instances) >= _TOLD_APART)
            if one.insertions:
                # One statement may do it for layers of several sizes, of which the names hold one's arrays.
                for shape in dict.fromkeys(np.shape(i.wanted[0]) for i in one.aim.instances):
                    found_here += whole_values(one.place, node, shape)
            elif one.shape and one.place.shape(node) in {(), None}:
                found_here += times_values(one.place, node, one.shape)
            one.candidates = [replace(c, cost=c.cost + one.doubt) for c in found_here]
        found = self._hear(known)
        if not found:
            first = [replace(a, aim=replace(a.aim, instances=a.aim.instances[:1])) for a in known[:_MOST_PAIRED]]
            paired = [pairs_of(a.candidates) for a in first]
            for some in (slice(_FIRST_PAIRS), slice(_FIRST_PAIRS, None)):
                found = found or self._hear(
                    [replace(a, candidates=p[some]) for a, p in zip(first, paired, strict=True)]
                )
        return found

    def _inserted(self, surroundings: Surroundings) -> Iterator[_Asked]:
        """The values of statements that are not there, as rewritings of what stands beside them."""
        pairs = insertions(self.trace.head, surroundings, self.missing) if self.missing is not None else ()
        for number, (aim, statements) in enumerate(pairs):
            if aim.path not in self.program.kept and aim.instances and statements:
                place = Place(surroundings, aim.path, statements[0].beside, 0)
                yield _Asked(aim, place, 0.2 * number, insertions=tuple(statements))

    def _with_scopes(self, asked: Sequence[_Asked]) -> Iterator[tuple[_Asked, Place]]:
        """The places again, with what the names hold there; those that are never come to are left out."""
        looks = [(one, _looked_at(one)) for one in asked]
        for one, heard in self._auditions(looks, look=True):
            if heard.instances:
                function = one.place.module.enclosing_function(one.place.statement)
                local = heard.local if function is not None else heard.module
                names = {**heard.module, **heard.local}
                yield one, replace(one.place, local=local, names=names, looked=heard.looked)

    def _hear(self, asked: Sequence[_Asked]) -> list[Candidate]:
        texts = []
        by_text: list[dict[str, Candidate]] = []
        for one in asked:
            chosen: dict[str, Candidate] = {}
            summed = any(i.summed for i in one.aim.instances)
            for candidate in one.candidates:
                text = one.text(candidate)
                text = one.aim.heard_as(text) if text is not None else None
                if text is None or not is_expression(text):
                    continue
                if text not in chosen or candidate.cost < chosen[text].cost:
                    chosen[text] = candidate
            if summed:  # each has to be evaluated in every turn
                likely_first = sorted(chosen.items(), key=lambda pair: pair[1].cost)
                chosen = dict(likely_first[:_MOST_SUMMED])
            if chosen:
                by_text.append(chosen)
                texts.append((one, tuple(chosen)))
        always: list[Candidate] = []
        at_first: list[Candidate] = []
        for one, heard in self._auditions(texts):
            candidates = list(by_text[[t[0] for t in texts].index(one)].values())
            self.heard += heard.tried
            for found, fitting in ((always, heard.factors), (at_first, heard.at_first)):
                # What gives the wanted size as well is likelier than what is off by a factor.
                sized = ((candidates[i], factor, abs(factor - 1) <= _EXACT) for i, factor in fitting.items())
                weighed = (replace(c, cost=c.cost - _SIZED * exact, fit=factor) for c, factor, exact in sized)
                likely = sorted(weighed, key=lambda c: c.cost)[:_MOST_FITTING]
                upside_down = {candidates[i].edits for i, factor in fitting.items() if abs(factor + 1) <= _EXACT}
                likely += [t for c in likely if c.edits in upside_down and (t := one.turned(c)) is not None]
                offered = [edit for c in likely for edit in one.offered(c)]
                offered = [edit if one.insertions else begun(one.place, edit) for edit in offered]
                found += [replace(c, cost=c.cost - _REACHES) for c in offered]
        # Where one mistake spoils what a later turn of the loop works on, only the first turn tells.
        return always or at_first

    def _auditions(
        self, asked: Sequence[tuple[_Asked, tuple[str, ...]]], *, look: bool = False
    ) -> list[tuple[_Asked, Heard]]:
        orders: list[Attempt] = []
        ordered: list[_Asked] = []
        # A count that was defined before has few rewritings: these cost next to nothing, and come before thousands.
        for one, texts in sorted(asked, key=lambda pair: not look and len(pair[1]) > _FEW_TEXTS):
            aim = one.aim
            audition = Audition(one.spot, texts, aim.instances, look=look)
            try:
                program = rewritten_program(self.originals[aim.path], audition)
            except (SyntaxError, ValueError):
                continue
            orders.append(self._order(program, aim.path, audition))
            ordered.append(one)
        found: list[tuple[_Asked, Heard]] = []
        started = time.monotonic()
        while len(found) < len(orders):
            # Where hearing takes long, what stands further from the mistake is not heard once something fits.
            seconds = time.monotonic() - started
            if seconds > patient(_SECONDS_CONTENT) and any(heard.factors for _, heard in found):
                break
            if seconds > patient(_SECONDS_CONTENT_AT_FIRST) and any(heard.at_first for _, heard in found):
                break
            some = slice(len(found), None if look else len(found) + _HEARD_AT_ONCE)
            outcomes = dict(self.trials.run(orders[some]))
            for number, one in enumerate(ordered[some]):
                outcome = outcomes.get(number)
                found.append((one, outcome.heard if outcome is not None and outcome.heard is not None else Heard()))
        return found

    def _order(self, text: str, path: str, audition: Audition) -> Attempt:
        return Attempt(
            program=replace(self.program, replaced={**self.program.replaced, path: text}),
            seconds=patient(2 * audition.seconds + 2),
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
        for suspect in surroundings.suspects() if not self.bound else ():
            if suspect.distance > _NEAR or suspect.path in self.program.kept:
                continue
            place = Place(surroundings, suspect.path, suspect.statement, suspect.distance)
            yield from accumulation_candidates(place)
            yield from move_candidates(place)
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
        order = replace(super().attempt(texts, stage=None, whole=whole), beginning=self.beginning, meant=self.meant)
        order = replace(order, recheck=self.gone)
        if whole:
            return order
        return replace(order, window_events=min(order.window_events, max(_WINDOW, self._first_step())), stop=True)

    def _first_step(self) -> int:
        """How many events it takes, at a generous estimate, until all that is wrong has been updated once."""
        parameters = find_parameters(self.trace.head)
        steps = [p.updates[0].operation for p in parameters if p.name in self.named and p.updates]
        return int(1.5 * max(steps, default=0)) + 2000
