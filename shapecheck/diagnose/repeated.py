"""Gradients that are applied more than once: sums that are never reset, gradients that are never computed anew."""

from __future__ import annotations

import ast
import itertools
from dataclasses import dataclass

import numpy as np

from shapecheck.diagnose.course import Course, quoted, shown
from shapecheck.diagnose.finding import Finding, TrailStep
from shapecheck.diagnose.lost import uncopied
from shapecheck.diagnose.trail import ALSO, span_of
from shapecheck.network.parameters import Parameter, Update
from shapecheck.trace.operations import ADDITIONS, DIFFERENCES
from shapecheck.trace.sites import Site
from shapecheck.trace.tape import Operation, Ref

APPLIED_HERE = "it is applied here, and goes on"
ADDED_HERE = "here it is added to"
TOO_EARLY = "this sum of gradients is applied before it is whole"
# So many additions into one sum are followed.
_MOST_ADDITIONS = 5000


@dataclass(frozen=True, slots=True)
class _Sum:
    """A sum that one update has applied and the next applies again.

    Attributes:
        carried: What was applied already.
        additions: The operations that added to it since.
    """

    parameter: Parameter
    carried: int
    additions: tuple[Operation, ...]


def never_reset(course: Course) -> list[Finding]:
    """Sums of gradients that go on growing from step to step, each update applying all the earlier ones again."""
    found: dict[int, list[_Sum]] = {}
    for parameter in course.parameters:
        carried = _carried_over(course, parameter)
        if carried is not None:
            found.setdefault(carried.additions[0].site or 0, []).append(carried)
    findings = [f for sums in found.values() if (f := _never_reset(course, sums)) is not None]
    return _one_for_each_function(findings)


def _one_for_each_function(findings: list[Finding]) -> list[Finding]:
    """The sums of one backward pass are forgotten together: one finding names all their parameters."""
    if len(findings) < 2:
        return findings
    first = findings[0]
    names = [name for f in findings for name in f.parameters]
    note = ALSO if first.title == TOO_EARLY else "this sum too"
    trail = tuple(TrailStep(f.location, note) for f in findings[1:5])
    return [
        Finding(
            first.code,
            first.severity,
            first.title,
            first.message,
            first.location,
            first.cause,
            None,
            tuple(dict.fromkeys(names)),
            first.operands,
            (*first.trail, *trail),
        )
    ]


def _carried_over(course: Course, parameter: Parameter) -> _Sum | None:
    for update, following in itertools.pairwise(parameter.updates):
        applied = set(course.applied(update.change))
        for total in course.applied(following.change):
            additions = _additions_since(course, total, applied, update)
            if additions is not None:
                return _Sum(parameter, additions[0], additions[1])
    return None


def _additions_since(
    course: Course, total: int, applied: set[int], update: Update
) -> tuple[int, tuple[Operation, ...]] | None:
    """(what was applied already, what was added to it) for a sum that goes back to what an update applied."""
    additions: list[Operation] = []
    value = total
    while len(additions) < _MOST_ADDITIONS:
        operation = course.producer(value)
        if value in applied:
            if not additions or operation is None or not _is_gradient(course, value):
                return None
            return value, tuple(additions[::-1])
        if operation is None or operation.function not in ADDITIONS or operation.number < update.operation:
            return None
        earlier = _summand_before(course, operation, update)
        if earlier is None or _replaces(course, operation, earlier, update):
            return None
        additions.append(operation)
        value = earlier
    return None


def _summand_before(course: Course, operation: Operation, update: Update) -> int | None:
    """The operand of an addition that goes back to before an update; what is added is newer."""
    values = course.tape.values
    shape = values[operation.result].shape
    places = [a.value for a in operation.arguments[:2] if isinstance(a, Ref) and values[a.value].shape == shape]
    if operation.function == "+=":
        return places[0] if places and len(operation.arguments) == 2 else None
    old = [p for p in places if _oldest(course, p) <= update.operation]
    return old[0] if len(old) == 1 else None


def _oldest(course: Course, value: int) -> int:
    """Where a chain of additions into one array began: the number of its first operation."""
    first = course.tape.values[value].producer
    for _ in range(_MOST_ADDITIONS):
        operation = course.producer(value)
        if operation is None or operation.function not in ADDITIONS:
            break
        first = operation.number
        value = operation.inputs[0]
    return -1 if first is None else first


def _replaces(course: Course, operation: Operation, earlier: int, update: Update) -> bool:
    """Whether an addition takes back as much as it adds: `total += new - table[i]`, `m += 0.1 * (g - m)` average."""
    for added in operation.inputs:
        made = course.producer(added)
        whole = _unscaled(course, made)
        if whole is not None and whole.function in DIFFERENCES and earlier in whole.inputs[1:]:
            return True
        if added == earlier or made is None or made.function not in DIFFERENCES:
            continue
        if any((course.tape.values[i].producer or 0) < update.operation for i in made.inputs[1:]):
            return True
    return False


def _unscaled(course: Course, operation: Operation | None) -> Operation | None:
    """What made an array before it was multiplied by a number."""
    while operation is not None and operation.function in {"*", "/"}:
        shape = course.tape.values[operation.result].shape
        same = [i for i in operation.inputs if course.tape.values[i].shape == shape]
        if len(same) != 1:
            break
        operation = course.producer(same[0])
    return operation


def _is_gradient(course: Course, value: int) -> bool:
    """Whether a value is something that an update has applied and that depends on the parameters."""
    array = course.tape.values[value].array
    if array is None or np.size(array) < 1 or not np.any(array):
        return False
    return not course.versions.isdisjoint(course.replay.ancestors([value]))


def _never_reset(course: Course, sums: list[_Sum]) -> Finding | None:
    first = sums[0]
    addition = course.site(first.additions[0].site)
    birth = _birth(course, first)
    if addition is None:
        return None
    names = [s.parameter.name for s in sums]
    # One addition for each update is to be a plain assignment; a sum over samples is to begin anew.
    cause = birth if birth is not None and len(first.additions) > 1 else addition
    trail: tuple[TrailStep, ...] = ()
    if birth is not None:
        trail = (TrailStep(span_of(birth), "the sum begins here, once for the whole run"),)
    step = first.parameter.updates[0].operation
    update = course.site(course.tape.operations[step].site)
    if birth is not None and update is not None and len(first.additions) == 1 and _begins_again(course, birth, step):
        return Finding(
            code="SC403",
            severity="error",
            title=TOO_EARLY,
            message=f"`{shown(update.text)}` stands in the loop in which `{shown(addition.text)}` adds up gradients of "
            f"several samples: each step of {quoted(names)} applies those of the samples before it once more; apply "
            "the sum when it is whole, after the loop",
            location=span_of(update),
            cause=span_of(update),
            layer=course.layer(first.parameter.birth),
            parameters=tuple(dict.fromkeys(names)),
            trail=(TrailStep(span_of(birth), "the sum begins here"), TrailStep(span_of(addition), ADDED_HERE)),
        )
    if update is not None and _is_now_and_then(course, update, addition):
        # Only there is it known that the sum has been used.
        cause = update
        trail += (TrailStep(span_of(update), APPLIED_HERE),)
    return Finding(
        code="SC403",
        severity="error",
        title="this sum of gradients is never reset",
        message=f"`{shown(addition.text)}` adds to what earlier steps have left there: the update of "
        f"{quoted(names)} applies the gradients of all steps before it once more; let the sum begin at zero each time",
        location=span_of(addition),
        cause=span_of(cause),
        layer=course.layer(first.parameter.birth),
        parameters=tuple(dict.fromkeys(names)),
        trail=trail,
    )


def _begins_again(course: Course, birth: Site, step: int) -> bool:
    """Whether sums that have been applied already are begun anew, by an expression that made them before."""
    operations = [o.number for o in course.tape.made_at(birth.number)]
    return bool(operations) and operations[0] < step < operations[-1]


def _is_now_and_then(course: Course, update: Site, addition: Site) -> bool:
    """Whether an update waits in a loop for a condition, `if turn % 8 == 0`, and its sum is not made under that."""
    if update.path != addition.path:
        return False
    nodes = list(course.trace.sources[update.path].nodes())
    conditions = [n for n in nodes if isinstance(n, ast.If) and _lies_in(update, n) and not _lies_in(addition, n)]
    loops = [n for n in nodes if isinstance(n, ast.For | ast.While) and _lies_in(update, n) and _lies_in(addition, n)]
    return any(condition in ast.walk(loop) for condition in conditions for loop in loops)


def _lies_in(site: Site, block: ast.If | ast.For | ast.While) -> bool:
    return block.body[0].lineno <= site.line <= (block.end_lineno or block.lineno)


def _birth(course: Course, carried: _Sum) -> Site | None:
    """Where the array was made that the sum began with."""
    value = carried.carried
    for _ in range(_MOST_ADDITIONS):
        operation = course.producer(value)
        if operation is None:
            break
        if operation.function not in ADDITIONS:
            return None
        value = operation.inputs[0]
    return course.site_of(value)


# -- gradients that are never computed anew -------------------------------------------------------------------------


def never_renewed(course: Course) -> list[Finding]:
    """Updates that repeat the first one, since what they are made from was computed once, before the loop."""
    stale: dict[int, list[Parameter]] = {}
    for parameter in course.parameters:
        source = _source_of_repetition(course, parameter)
        if source is not None:
            stale.setdefault(source, []).append(parameter)
    if not stale:
        return []
    source = max(stale, key=lambda v: (len(stale[v]), v))
    named = _named_at(course, source, stale[source][0])
    if named is None:
        return []
    parameters = [p for group in stale.values() for p in group]
    update = course.site(course.tape.operations[parameters[0].updates[0].operation].site)
    names = [p.name for p in parameters]
    finding = Finding(
        code="SC408",
        severity="error",
        title="this is computed once, and every step uses it again",
        message=f"the updates of {quoted(names)} repeat the same change: what they are made from here does not see the "
        "parameters after the first update; it belongs inside the training loop",
        location=span_of(update or named),
        cause=span_of(named),
        layer=course.layer(parameters[0].birth),
        parameters=tuple(dict.fromkeys(names)),
        trail=_computed_with(course, source, parameters[0]),
    )
    return [finding]


def _computed_with(course: Course, source: int, parameter: Parameter) -> tuple[TrailStep, ...]:
    """What else was computed from the parameters before the first update, on the way to what is used again."""
    between = course.replay.ancestors([source]) & course.learned
    between -= course.versions | {source}
    first = parameter.updates[0].operation
    bound = [(b.site, b.value) for b in course.tape.bindings if b.time <= first]
    sites = [course.tape.operations[p].site for v in between if (p := course.tape.values[v].producer) is not None]
    sites += [site for site, value in bound if value in between]
    found: dict[tuple[str, int], TrailStep] = {}
    for site in filter(None, map(course.site, dict.fromkeys(sites))):
        found.setdefault((site.path, site.line), TrailStep(span_of(site), "computed from the parameters, once"))
    return tuple(found[key] for key in sorted(found))[:12]


def _source_of_repetition(course: Course, parameter: Parameter) -> int | None:
    """The last value that all updates of a parameter share, if they are all the same and none sees the one before."""
    changes = _repeated_changes(course, parameter)
    if len(changes) < 3:
        return None
    replay = course.replay
    shared = set.intersection(*(replay.ancestors([c]) for c in changes))
    made = [v for v in shared - course.versions if course.producer(v) is not None]
    made = [v for v in made if not course.versions.isdisjoint(replay.ancestors([v]))]
    return max(made, default=None)


def _repeated_changes(course: Course, parameter: Parameter) -> list[int]:
    """The changes of all that one expression did to a parameter, if they are equal and none sees the one before."""
    first = parameter.updates[0]
    site = course.tape.operations[first.operation].site
    wanted = np.asarray(course.replay.recorded[first.change], dtype=float)
    if not np.any(wanted):
        return []
    changes, new = [first.change], first.new
    while len(changes) < 6:
        following = [o for o in course.users.get(new, []) if o.site == site and o.arguments[0] == Ref(new)]
        if not following or not isinstance(following[0].arguments[1], Ref):
            break
        change = following[0].arguments[1].value
        again = np.asarray(course.replay.recorded[change], dtype=float)
        if again.shape != wanted.shape or not np.allclose(again, wanted, rtol=1e-9, atol=0.0):
            return []
        if change in course.replay.dependents([new], following[0].number):
            return []
        changes.append(change)
        new = following[0].result
    return changes


def _named_at(course: Course, value: int, parameter: Parameter) -> Site | None:
    """The outermost statement before the first update that names a value, else the expression that made it."""
    time = parameter.updates[0].operation
    bound = [b.site for b in course.tape.bindings if b.value == value]
    # What names it anew in every step is within the loop.
    early = [b for b in course.tape.bindings if b.value == value and b.time <= time and bound.count(b.site) == 1]
    known = [site for b in early if (site := course.site(b.site)) is not None]
    made = course.site_of(value)
    if known and made is not None and known[-1].function != made.function:
        return known[-1]
    return made


# -- one state for several parameters -------------------------------------------------------------------------------


def shared_state(course: Course) -> list[Finding]:
    """A velocity or moment that one parameter's gradient has gone into, and another's update takes up."""
    for step in course.steps:
        owners: dict[int, Parameter] = {}
        mixed: list[tuple[Parameter, int, int]] = []
        for parameter, old, change, _ in sorted(step.parameters, key=lambda p: p[2]):
            applied = course.applied(change)
            foreign = [v for v in applied if v in owners and owners[v] is not parameter]
            state = next((v for v in sorted(foreign) if _is_scaled_into(course, v, applied)), None)
            if state is not None and not _is_right(course, step, parameter):
                mixed.append((parameter, change, state))
            # What several parameters' moments are rows of is everybody's.
            own = [v for v in applied if course.tape.values[v].shape == course.tape.values[old].shape]
            owners.update({v: parameter for v in own if v not in owners and _is_array(course, v)})
        if mixed:
            return _shared(course, owners[mixed[0][2]], mixed)
    return []


def _is_array(course: Course, value: int) -> bool:
    """Whether a value is an array that was computed, and no copy or row of a parameter."""
    if course.tape.values[value].size < 2 or course.producer(value) is None:
        return False
    return uncopied(course, value)[0] not in course.all_versions


def _is_scaled_into(course: Course, value: int, applied: list[int]) -> bool:
    """Whether a value is scaled and then added to something that is not made from it."""
    sizes = [v.size for v in course.tape.values]
    for scaling in course.users.get(value, []):
        if scaling.function not in {"*", "*=", "numpy.multiply"} or scaling.result not in applied:
            continue
        if any(sizes[i] > 1 for i in scaling.inputs if i != value):
            continue
        for addition in course.users.get(scaling.result, []):
            others = [i for i in addition.inputs if i != scaling.result]
            if any(sizes[i] != sizes[scaling.result] for i in others):
                continue  # a step of one row among others
            if addition.function in ADDITIONS | DIFFERENCES and addition.result in applied and others:
                return True
    return False


def _is_right(course: Course, step: object, parameter: Parameter) -> bool:
    """Whether all that is applied to a parameter is its own gradient."""
    known = course.verdicts(step)  # type: ignore[arg-type]
    if known is None:
        return True  # nothing to hold it against: no alarm
    verdicts = {v.parameter: v for v in known.all()}
    own = next((verdicts.get(old) for p, old, _, _ in known.step.parameters if p is parameter), None)
    return own is None or own.proves_nothing or (own.is_right and own.at_change)


def _shared(course: Course, owner: Parameter, mixed: list[tuple[Parameter, int, int]]) -> list[Finding]:
    parameter, change, state = mixed[0]
    uses = [u for u in course.users.get(state, []) if u.function in {"*", "*=", "numpy.multiply"}]
    site = course.site(uses[-1].site) if uses else course.site_of(change)
    if site is None:
        return []
    finding = Finding(
        code="SC410",
        severity="error",
        title=f"`{owner.name}` and `{parameter.name}` share one optimizer state",
        message=f"the array that holds what was applied to `{owner.name}` is scaled and added to the gradient of "
        f"`{parameter.name}`: each parameter needs a velocity, or moments, of its own",
        location=span_of(site),
        cause=span_of(site),
        layer=course.layer(parameter.birth),
        parameters=tuple(dict.fromkeys([*(p.name for p, _, _ in mixed), owner.name])),
    )
    return [finding]


__all__ = ["APPLIED_HERE", "never_renewed", "never_reset", "shared_state"]
