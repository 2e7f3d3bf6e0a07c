"""Steps for arrays that have none: gradients that are computed in every turn and applied to nothing.

The step goes where the arrays and all their gradients can be named: into a loop or a function that does nothing, or
after the statement that brings the last of the gradients.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from shapecheck.diagnose.finding import Edit
from shapecheck.diagnose.unapplied import Unapplied
from shapecheck.repair.candidate import Candidate
from shapecheck.repair.desk import Desk, does_nothing
from shapecheck.repair.rates import RATES, rates
from shapecheck.repair.step_texts import in_turns, listed
from shapecheck.repair.surroundings import Module
from shapecheck.repair.terms import likeness
from shapecheck.repair.whereabouts import Lookout, Sighting, Spot
from shapecheck.trace.child import Trace
from shapecheck.trace.tape import Tape

Look = Callable[[Lookout], dict[int, Sighting]]

_MOST_PLACES = 150
_MOST_FUNCTIONS = 3
_NO_PLACE = (ast.Return, ast.Break, ast.Continue, ast.Raise, ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


@dataclass(frozen=True, eq=False)
class _Opening:
    """Somewhere a step could be written.

    Attributes:
        statement: It comes after this one, or in its place if that is a `pass` which is all that stands there.
        function: The name of the function.
        loop: The innermost loop of the same function around it.
    """

    desk: Desk
    statement: ast.stmt
    idle: ast.For | ast.While | ast.FunctionDef | ast.AsyncFunctionDef | None
    function: str
    loop: ast.For | ast.While | None

    @property
    def place(self) -> Spot:
        """The statement's."""
        return self.desk.path, self.statement.lineno, self.statement.col_offset

    def edit(self, *lines: str) -> Edit:
        """Write lines there."""
        if self.idle is None:
            return self.desk.after(self.statement, *lines)
        return self.desk.edit(self.statement, f"\n{self.desk.indent(self.statement)}".join(lines))


def first_steps(trace: Trace, unapplied: Sequence[Unapplied], kept: Collection[str], look: Look) -> Iterator[Candidate]:
    """Statements that apply the gradients which nothing applies, the likeliest first.

    Args:
        trace: Of the run.
        unapplied: The arrays, each with its gradient.
        kept: Files that must stay as they are.
        look: Runs a program with other texts, and says what is seen there.
    """
    sources = {p: s for p, s in trace.sources.items() if p not in kept and s.text.endswith("\n")}
    spots = [spot for path in sources for spot in _spots(Desk(Module.parse(sources[path]), path))][:_MOST_PLACES]
    sought = [_array(trace.head, value) for u in unapplied for value in (u.array, u.gradient)]
    if not spots or any(array is None for array in sought):
        return
    begin, turn, together = _beginning(trace, unapplied)
    places = tuple(spot.place for spot in spots)
    lookout = Lookout(tuple(sought), tuple(range(1, len(sought), 2)), places, begin, turn)
    # A decorator may run another copy of the function's text.
    seen = look(lookout) or (look(replace(lookout, begin=None, turn=0)) if lookout.begin else {})
    for cost, group in _ordered(spots, seen, together):
        written = ((spot, list(_lines(trace.head, spot, sighting, unapplied)), sighting) for spot, sighting in group)
        spot, steps, sighting = next((one for one in written if one[1]), (group[0][0], [], group[0][1]))
        for more, lines in steps:
            for number, rate in enumerate(rates(spot.desk, spot.statement, sighting.numbers)):
                edit = spot.edit(*[line.replace(_RATE, rate) for line in lines])
                yield spot.desk.candidate(_title(rate), "insert", 0.5 + cost + more + 0.3 * number, edit)


def _beginning(trace: Trace, unapplied: Sequence[Unapplied]) -> tuple[Spot | None, int, int]:
    """Where the last of the gradients is made, at which time of coming there; and how often a turn comes there."""
    tape = trace.head
    makers = [tape.operations[tape.values[u.gradient].producer or 0] for u in unapplied]
    made = max(makers, key=lambda o: o.number)
    site = tape.sites[made.site] if made.site is not None else None
    if site is None or site.path not in trace.sources:
        return None, 0, 1
    statement = Module.parse(trace.sources[site.path]).at_line(site.line)
    parts = list(ast.walk(statement)) if statement is not None else []
    if statement is None or any(isinstance(n, ast.Lambda | ast.comprehension | ast.stmt) for n in parts[1:]):
        return None, 0, 1
    evaluations = list(tape.made_at(site.number))
    turn = sum(o.number <= made.number for o in evaluations)
    # What is added up in place is whole after the last addition.
    read = {number for o in tape.operations for number in o.inputs}
    whole = sum(o.result not in read for o in evaluations)
    together = sum(o.site == made.site for o in makers) * round(len(evaluations) / max(1, whole))
    return (site.path, statement.lineno, statement.col_offset), turn, together


def _array(tape: Tape, value: int) -> Any:
    return tape.values[value].array


# -- places ---------------------------------------------------------------------------------------------------------


def _spots(desk: Desk) -> Iterator[_Opening]:
    """After every statement of a loop or a function; what does nothing at all comes first."""
    blocks = (ast.For, ast.While, ast.FunctionDef, ast.AsyncFunctionDef)
    found = []
    for node in desk.module.parents:
        if isinstance(node, ast.stmt) and _is_alone(desk, node):
            function = desk.module.functions[node]
            parent = desk.module.parents[node]
            loop = desk.loop(node)
            if isinstance(node, ast.Pass) and isinstance(parent, blocks) and does_nothing(parent):
                found.append(_Opening(desk, node, parent, function, loop))
            elif not isinstance(node, (*_NO_PLACE, ast.Pass)) and (loop or desk.module.enclosing_function(node)):
                found.append(_Opening(desk, node, None, function, loop))
    yield from sorted(found, key=lambda spot: spot.idle is None)


def _is_alone(desk: Desk, statement: ast.stmt) -> bool:
    """Whether a statement has its lines to itself."""
    lines = desk.source.lines
    first = lines[statement.lineno - 1][: desk.source.place(statement)[1] - 1]
    rest = lines[(statement.end_lineno or 1) - 1][desk.source.place(statement)[3] - 1 :].strip()
    return not first.strip() and (not rest or rest.startswith("#"))


_Group = list[tuple[_Opening, Sighting]]


def _ordered(spots: Sequence[_Opening], seen: dict[int, Sighting], together: int) -> Iterator[tuple[float, _Group]]:
    """Where the gradients were seen: in place of what does nothing; else as far out as they go, and as soon there.

    Args:
        spots: All the places.
        seen: What was seen, in the order of the run.
        together: How often one turn of the training loop comes to where the lookout began.

    Yields:
        (cost, places of which the first is to be taken at which all can be named).
    """
    groups: dict[tuple[str, str], dict[ast.AST | None, _Group]] = {}
    for number, sighting in seen.items():
        spot = spots[number]
        once = sighting.times * together / sighting.begun  # how often it comes there in a turn
        if spot.idle is not None:
            yield 0.0, [(spot, sighting)]
        elif (spot.loop is not None or sighting.times > 1) and (0.6 < once < 1.6 or sighting.begun < 2 * together):
            function = groups.setdefault((spot.desk.path, spot.function), {})
            function.setdefault(spot.loop, []).append((spot, sighting))
    for place, loops in enumerate(list(groups.values())[::-1][:_MOST_FUNCTIONS]):
        for depth, group in enumerate(sorted(loops.values(), key=lambda g: max(s.times for _, s in g))):
            yield 0.1 + 0.2 * place + 0.1 * depth, group


# -- statements -----------------------------------------------------------------------------------------------------

_RATE = "\0"


def _lines(
    tape: Tape, spot: _Opening, sighting: Sighting, unapplied: Sequence[Unapplied]
) -> Iterator[tuple[float, list[str]]]:
    """(cost, statements) that apply the gradients as they are called there."""
    named = []
    loop = spot.idle if isinstance(spot.idle, ast.For) else None
    for number, one in enumerate(unapplied):
        arrays, gradients = (sighting.texts.get(2 * number + i, ()) for i in (0, 1))
        arrays = tuple(_assignable(spot, t, sighting) for t in arrays if t not in sighting.constant)
        rows = _row(tape, one, spot)
        if rows is not None:
            arrays = (rows,)
        if isinstance(spot.idle, ast.FunctionDef) and not arrays:
            continue  # each object moves its own
        if spot.idle is None:
            passing = _turning(spot)
            arrays, gradients = (tuple(t for t in texts if _root(t) not in passing) for texts in (arrays, gradients))
        if loop is not None:
            arrays, gradients = (in_turns(texts, loop, sighting.keys) for texts in (arrays, gradients))
        pairs = [(a, g) for a in arrays for g in gradients if a != g]
        if pairs:
            own = one.name.rpartition(".")[2]
            best = max(pairs, key=lambda p: (p[0].endswith(own) - p[0].endswith("[...]"), likeness(*p)))
            named.append((*best, "-" if one.factor > 0 else "+"))
    if loop is not None or isinstance(spot.idle, ast.FunctionDef):
        if named:
            yield 0.0, list(dict.fromkeys(f"{a} {sign}= {_RATE} * {g}" for a, g, sign in named))
    elif len(named) == len(unapplied):
        yield from listed(named, _RATE)


def _turning(spot: _Opening) -> set[str]:
    """The names that loops of the function give to one thing after another."""
    around = spot.desk.module.enclosing_function(spot.statement) or spot.desk.module.tree
    loops = [n for n in ast.walk(around) if isinstance(n, ast.For)]
    return {n.id for loop in loops for n in ast.walk(loop.target) if isinstance(n, ast.Name)}


def _root(text: str) -> str:
    return text.partition("[")[0].partition(".")[0]


def _assignable(spot: _Opening, text: str, sighting: Sighting) -> str:
    """An array as the target of a step: a function that steps a name of the module would make that its own."""
    function = spot.desk.module.enclosing_function(spot.statement)
    if function is None or text not in sighting.outer:
        return text
    declared = {name for n in ast.walk(function) if isinstance(n, ast.Global) for name in n.names}
    return text if text in declared else f"{text}[...]"


def _row(tape: Tape, one: Unapplied, spot: _Opening) -> str | None:
    """How a part of an array is written, where only that part has a gradient."""
    producer = tape.values[one.array].producer
    made = tape.operations[producer] if producer is not None else None
    site = tape.sites[made.site] if made is not None and made.site is not None else None
    if made is None or site is None or made.function != "getitem" or site.path != spot.desk.path:
        return None
    return site.text if site.function == spot.function else None


def _title(rate: str) -> str:
    return f"apply the gradients{f', at a rate of {rate} to begin with' if rate in RATES else ''}"


__all__ = ["first_steps"]
