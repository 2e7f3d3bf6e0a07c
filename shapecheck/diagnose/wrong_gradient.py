"""Gradients that run and are wrong, as findings: the expression to blame, what it should have been, and for whom."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain

import numpy as np

from shapecheck.diagnose.broadcast import SilentMistake, pseudo_failure
from shapecheck.diagnose.finding import Finding, Span
from shapecheck.diagnose.gradient import Diagnosis, diagnose_steps
from shapecheck.diagnose.known_loss import Accused
from shapecheck.diagnose.last_shares import ONLY_THE_LAST
from shapecheck.diagnose.missing import missing_addition, names_of
from shapecheck.diagnose.reasons import reason
from shapecheck.diagnose.single_error import slips_of_one_number
from shapecheck.diagnose.sums_of_outputs import sums_of_outputs
from shapecheck.diagnose.suspects import Suspect
from shapecheck.diagnose.targets import Result, Target
from shapecheck.diagnose.uneven_multiples import uneven_multiples
from shapecheck.diagnose.verdicts import Verdicts
from shapecheck.diagnose.zero_errors import zero_error
from shapecheck.gradients.agreement import agreement
from shapecheck.gradients.error_signals import SLOPES
from shapecheck.gradients.followed import Agreement
from shapecheck.gradients.functions import CannotReplayError
from shapecheck.gradients.replay import Replay, ReplayError
from shapecheck.gradients.stacked_numbers import Stack, stacked
from shapecheck.network.layers import Layers
from shapecheck.network.parameters import find_parameters
from shapecheck.network.strays import find_strays
from shapecheck.network.uses import value_names
from shapecheck.trace.child import Trace
from shapecheck.trace.operations import MATRIX_PRODUCTS, SUMS
from shapecheck.trace.sites import Site
from shapecheck.trace.tape import Tape

_MOST_FINDINGS = 3
# What is said where something else than the difference of output and target goes backwards.
SIGNALS = {
    "target left out": "goes backwards with the output in it and no target: the derivative is output - target",
    "output left out": "goes backwards with the target in it and no output: the derivative is output - target",
    "sum": "goes backwards with output and target added: the derivative is output - target",
    "square": "goes backwards as a square, without a sign: the derivative is output - target",
    "size": "goes backwards as a size, without a sign: the derivative is output - target",
    "sigmoid of a sigmoid": "is made from the slope of the sigmoid, taken as if the output were what goes into it",
    "tanh of a tanh": "is made from the slope of tanh, taken as if the output were what goes into it",
    "tanh for a sigmoid": "is made from the slope of tanh, and the output is a sigmoid",
    "sigmoid for a tanh": "is made from the slope of a sigmoid, and the output is tanh",
}
CODES_OF_SIGNALS = {"target left out": "SC306", "output left out": "SC306", "sum": "SC303"}
_SLOPE, _NO_DIFFERENCE = "this is made from a wrong slope", "the error at the output is no difference"


def judged(trace: Trace) -> Agreement:
    """Whether the program's updates follow the gradient of a loss, as far as its window shows."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return agreement(trace.head)


def wrong_gradients(
    trace: Trace, layers: Layers, verdict: Agreement, replay: Replay | None = None
) -> list[SilentMistake]:
    """The expressions to blame for updates that follow no loss's gradient, one for each independent mistake.

    Two ways of holding the updates against numeric gradients must agree that something is wrong: a false alarm is
    worse than a mistake that is missed.
    """
    tape = trace.head
    parameters, strays = find_parameters(tape), find_strays(tape)
    numbers = all(tape.values[p.birth].shape == () for p in parameters)
    undecided = verdict.verdict == "unknown" and not numbers
    if not parameters:
        return []
    replay = (replay or Replay(tape)).in_double()
    if (zero := zero_error(trace, replay, parameters)) is not None:
        return [zero]
    if (slip := slips_of_one_number(replay)) is not None:
        return [replace(m, bound=True) for m in described(trace, layers, slip, slip.suspects)]
    if verdict.verdict == "right" and verdict.same_factor:
        return []
    if (uneven := uneven_multiples(replay)) is not None:
        return [replace(m, bound=True) for m in described(trace, layers, uneven, uneven.suspects)]
    if (stack := stacked(tape)) is not None:
        together = replace(trace, head=stack.tape)
        found = wrong_gradients(together, Layers(stack.tape, trace.sources.values()), verdict)
        return [_apart(trace, stack, mistake) for mistake in found]
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        diagnoses = diagnose_steps(replay, [*parameters, *strays])
    accused = [d for d in diagnoses if d.suspects and d.independent]
    if not accused and (summed := sums_of_outputs(diagnoses)) is not None:
        return [replace(m, bound=True) for m in described(trace, layers, summed, summed.suspects)]
    whole = [d for d in diagnoses if _is_right(d)]
    accused = [a for a in accused if not any(_follows_more(tape, d, a) for d in whole)]
    accused = [a for a in accused if not _is_of_a_number_behind_an_optimizer(a)]
    if any(_is_fed_back_at_random(d) for d in accused):
        return []
    # What is right in any step that could be judged is right; a mistake shows in the others too.
    right = sum(_is_right(d) and _speaks_of(d, accused) for d in diagnoses)
    if not accused or len(accused) < right or (len(accused) == right and all(map(_is_of_one_number, accused))):
        return []
    if undecided:
        accused = [d for d in accused if _is_plain(d) or _is_lost(d) or _is_half_right(d)]
    elif verdict.verdict == "unknown" and not _varies(accused):
        return []
    if not accused:
        return []
    chosen = _told_by_all(accused) if numbers else accused[0]
    return described(trace, layers, chosen, chosen.suspects[: chosen.independent])


def _apart(trace: Trace, stack: Stack, mistake: SilentMistake) -> SilentMistake:
    """A mistake of steps that were looked at side by side, with what it says of their values said of each step's."""
    targets = []
    for target in mistake.targets:
        results = [one for result in target.results for one in _results_apart(stack, result)]
        if results:
            targets.append(Target(target.site, tuple(results)))
    kept = [stack.values[number][0] for number in mistake.kept if stack.begins]
    site = trace.head.sites[mistake.failure.site or 0]
    return replace(
        mistake,
        failure=pseudo_failure(trace, trace.head, site, ()),
        targets=tuple(targets),
        kept=tuple(number for number in kept if number is not None),
        missing=None,
    )


def _results_apart(stack: Stack, result: Result) -> Iterator[Result]:
    for lane, number in enumerate(stack.values[result.value]):
        misled = stack.operations[result.misled][lane] if result.misled is not None else None
        wanted = tuple(np.asarray(array)[lane] for array in result.wanted)
        if number is not None and any(wanted):  # of a zero there is no factor to tell
            yield Result(number, wanted, misled, result.exact)


def _is_right(found: Diagnosis) -> bool:
    """Whether the gradients of a step are right; those of a network whose units have all died show nothing."""
    weights = [v for v in found.verdicts if v.is_right and not v.weak]
    # Where an optimizer stands between gradients and steps, factors that differ are neither right nor wrong.
    told = [v for v in found.verdicts if v.factor is not None and (v.factor.is_plain or not v.weak)]
    sizes = [abs(v.factor.number) for v in told if v.factor is not None and not v.at_change]
    open_ = bool(sizes) and max(sizes) > (1 + 1e-4) * min(sizes)
    return not (found.suspects and found.independent) and not found.wrong and bool(weights) and not open_


def _is_of_a_number_behind_an_optimizer(accused: Diagnosis) -> bool:
    """Whether all that is wrong is a single number that an optimizer makes of the gradient, as it does of the others.

    What it makes of an array can be told by its entries; of a number any optimizer makes any other.
    """
    told = [v for v in accused.verdicts if v.factor is not None]
    behind = bool(told) and not any(v.at_change for v in told)
    firm = any(s.operands_right for s in accused.suspects[: accused.independent])
    return behind and not firm and _is_of_one_number(accused)


def _is_fed_back_at_random(accused: Diagnosis) -> bool:
    """Whether an error goes down by fixed weights that the forward pass knows nothing of, and means to.

    So it does in feedback alignment (Lillicrap et al. 2016). Nobody draws an array by mistake.
    """
    adjoints = accused.loss.adjoints
    if adjoints is None:
        return False
    replay = adjoints.replay
    tape = replay.tape
    learned = replay.dependents(accused.step.olds)
    shapes = {shape for old in accused.step.olds for shape in (tape.values[old].shape, tape.values[old].shape[::-1])}
    made = [tape.values[s.values[0]].producer for s in accused.suspects[: accused.independent] if s.values]
    for operation in (tape.operations[number] for number in made if number is not None):
        for given in operation.inputs if operation.function in MATRIX_PRODUCTS else ():
            if given in learned | adjoints.closure or len(tape.values[given].shape) < 2:
                continue
            users = [o for o in tape.operations if given in o.inputs]
            if tape.values[given].shape in shapes and all(o.function in MATRIX_PRODUCTS for o in users):
                return True
    return False


def _follows_more(tape: Tape, found: Diagnosis, accused: Diagnosis) -> bool:
    """Whether a right step follows a sum of losses that is not computed in the step of another, which has only a part.

    A program may add up its losses just where it prints them, every so many steps.
    """
    value, other = found.loss.value, accused.loss.value
    if value is None or (other is not None and tape.site_of(other) is tape.site_of(value)):
        return False
    producer = tape.values[value].producer
    operation = tape.operations[producer] if producer is not None else None
    adjoints = found.loss.adjoints
    if operation is None or adjoints is None or operation.function not in SUMS:
        return False
    return sum(number in adjoints and tape.values[number].size == 1 for number in operation.inputs) > 1


def _speaks_of(found: Diagnosis, accused: Sequence[Diagnosis]) -> bool:
    """Whether a step shows the gradients that others accuse: a wrong first step may leave units that are dead."""
    births = {old: p.birth for d in (found, *accused) for p, old, *_ in d.step.parameters}
    blamed = {births[v.parameter] for d in accused for v in d.wrong}
    silent = {births[v.parameter] for v in found.verdicts if v.proves_nothing}
    return not blamed or not blamed <= silent


def _is_of_one_number(found: Diagnosis) -> bool:
    """Whether all that is wrong is a single number, which saturated units make inexact."""
    explained = {p for s in found.suspects[: found.independent] for p in s.explains}
    adjoints = found.loss.adjoints
    return adjoints is not None and all(np.size(adjoints[p]) == 1 for p in explained)


def _is_plain(found: Diagnosis) -> bool:
    """Whether one value explains all that is wrong with the gradients of a loss that the program itself computes."""
    if found.signal:
        return True
    first = found.suspects[0]
    if first.reason == "axis":
        return not found.loss.inferred  # every gradient follows it then
    right = any(v.is_right and not v.weak for v in found.verdicts)
    whole = len(found.wrong) > 1 and {v.parameter for v in found.wrong} <= set(first.explains)
    return right and whole and first.operands_right and first.reason == "value" and not found.loss.inferred


def _is_lost(found: Diagnosis) -> bool:
    """Whether one value is zero that should be the derivative of a loss that the program itself computes."""
    first, adjoints = found.suspects[0], found.loss.adjoints
    if adjoints is None or found.loss.inferred or not first.operands_right or found.independent > 1:
        return False
    return not any(np.any(adjoints.replay.recorded[v]) for v in first.values)


def _is_half_right(found: Diagnosis) -> bool:
    """Whether a sum is all that is wrong with a loss of the program's own, and one of its two addends is right."""
    first = found.suspects[0]
    several = len(found.wrong) > 1 and {v.parameter for v in found.wrong} <= set(first.explains)
    return several and first.beside_right and found.independent == 1 and not found.loss.inferred


def _varies(accused: Sequence[Diagnosis]) -> bool:
    """Whether what is accused has another factor in each step, while what is right keeps one and the same.

    A single right gradient has to have a factor that says what it is, as 1/n does. A gradient of one number is a
    multiple of any derivative; only a factor that changes betrays it.
    """
    if len(accused) < 2:
        return False
    kept = [{v.name: v.factor for v in d.verdicts if v.factor is not None} for d in accused[:2]]
    factors = [f.number for step in kept for f in step.values()]
    telling = len(kept[0]) > 1 or any(f.is_plain for f in kept[0].values())
    steady = telling and kept[0].keys() == kept[1].keys() and max(factors) - min(factors) < 1e-6 * abs(factors[0])
    first, second = (_scale(d) for d in accused[:2])
    if not steady or accused[0].suspects[0].site != accused[1].suspects[0].site or first is None or second is None:
        return False
    return abs(first - second) > 1e-3 * max(abs(first), abs(second))


def _scale(accused: Diagnosis) -> float | None:
    """The multiple of its derivative that a single number is stepped by; None where it is no single number."""
    first, adjoints = accused.suspects[0], accused.loss.adjoints
    changes = {old: change for _, old, change, _ in accused.step.parameters}
    if adjoints is None or len(first.explains) != 1:
        return first.scale
    wanted, was = adjoints[first.explains[0]], adjoints.replay.recorded[changes[first.explains[0]]]
    return float(was) / float(wanted) if np.size(wanted) == 1 and np.size(was) == 1 and np.all(wanted) else None


def _told_by_all(accused: Sequence[Diagnosis]) -> Diagnosis:
    """The first of some steps, with what the same expression should have given in the others.

    A number alone says little, for it is a multiple of any other.
    """
    first, *rest = accused[0].suspects
    others = [s for d in accused[1:] for s in d.suspects[:1] if (s.site, s.reason) == (first.site, first.reason)]
    targets = []
    for target in first.targets:
        more = (t.results for s in others for t in s.targets if t.site == target.site)
        targets.append(replace(target, results=(*target.results, *chain.from_iterable(more))))
    return replace(accused[0], suspects=[replace(first, targets=tuple(targets)), *rest])


def described(trace: Trace, layers: Layers, chosen: Diagnosis, suspects: Sequence[Suspect]) -> list[SilentMistake]:
    """The findings for expressions to blame, the first few of them."""
    found = (_finding(trace, trace.head, layers, chosen, suspect) for suspect in suspects[:_MOST_FINDINGS])
    return [mistake for mistake in found if mistake is not None]


def _finding(trace: Trace, tape: Tape, layers: Layers, chosen: Diagnosis, suspect: Suspect) -> SilentMistake | None:
    site = tape.sites[suspect.site]
    cause = tape.sites[suspect.origin] if suspect.origin is not None else site
    if site.path not in trace.sources or cause.path not in trace.sources:
        return None
    names = value_names(tape)
    parameters = tuple(dict.fromkeys(v.name for v in chosen.verdicts if v.parameter in suspect.explains))
    layer = _layer(layers, tape, suspect)
    if suspect.reason == "empty":
        here = (n for n, functions in names_of(tape, suspect.values[0]).items() if site.function in functions)
        names = {**names, suspect.values[0]: next(here, _shown(site))}
    code, title, message = _words(names, site, suspect)
    if chosen.signal:
        code, title = CODES_OF_SIGNALS.get(chosen.signal, code), _NO_DIFFERENCE
        if chosen.signal in SLOPES:
            code, title = "SC301", _SLOPE
        message = f"`{_shown(site)}` {SIGNALS[chosen.signal]}"
    elif suspect.reason == "value" and not any(np.any(tape.values[v].array) for v in suspect.values):
        title = "here a gradient becomes zero"
        message = f"`{_shown(site)}` is zero, and the derivative that belongs here is not"
    else:
        message = _calculus(tape, chosen, suspect) or message
    concerned = f" of {', '.join(f'`{p}`' for p in parameters[:4])}" if parameters else ""
    proof = f"the gradient{'s' if len(parameters) > 1 else ''}{concerned} would then match the numeric gradient of"
    if suspect.reason in {"still", "unrelated", "empty"}:
        proof = f"the step{concerned} is to follow the numeric gradient of"
    missing = None
    if suspect.reason == "empty" and chosen.loss.matching is not None:
        judge = Verdicts(chosen.loss.matching, chosen.step)
        judge.all()
        missing = missing_addition(judge, suspect)
        if missing.neighbours and tape.sites[missing.neighbours[0].site].path in trace.sources:
            cause = tape.sites[missing.neighbours[0].site]
    finding = Finding(
        code=code,
        severity="error",
        title=title,
        message=f"{message}; {proof} {chosen.loss.formula or 'the loss that the program computes'}",
        location=_span(site),
        cause=_span(cause),
        layer=layer,
        parameters=parameters,
    )
    values = tuple(suspect.values[:1])
    producer = tape.values[values[0]].producer if values else None
    inputs = tape.operations[producer].inputs if producer is not None else ()
    failure = pseudo_failure(trace, tape, cause, tuple(inputs) or values)
    kept = _first_results(tape, chosen) if suspect.reason not in {"axis", "exchanged"} else ()
    return SilentMistake(finding, failure, suspect.targets, tuple(kept), missing, reason=suspect.reason)


def _first_results(tape: Tape, chosen: Diagnosis) -> tuple[int, ...]:
    """What the loss of the very first step is, or is made from, if the step that was looked at tells what that was."""
    if chosen.step.number:
        return ()
    seeds = tuple(chosen.loss.seeds)
    if not any(p.late for p, *_ in chosen.step.parameters):
        return seeds
    # Numbers that are parameters from their second version on: the same expression gave the result before, too.
    sites = {s.number for s in map(tape.site_of, seeds) if s is not None}
    first = {o.site: o.result for o in reversed(tape.operations) if o.site in sites}
    return tuple(first.values())


def _calculus(tape: Tape, chosen: Diagnosis, suspect: Suspect) -> str:
    """What tells an expression from what it should be, in a sentence; empty where nothing more can be said of it."""
    if suspect.reason not in {"value", "other"} or chosen.loss.matching is None or not suspect.wanted:
        return ""
    if suspect.values[0] in chosen.loss.matching.adjoints.closure:
        shown = " ".join(tape.sites[suspect.site].text.split())
        return f"`{shown}` is the output as it is, and what goes backwards is a derivative: the target is missing"
    judge = Verdicts(chosen.loss.matching, chosen.step)
    names = {v.parameter: v.name for v in chosen.verdicts}
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        judge.all()
        try:
            found = reason(Accused(chosen, judge, [suspect], names), suspect, tape)
        except (ReplayError, CannotReplayError, ValueError, TypeError, IndexError, KeyError):
            return ""  # it only adds to what is said
    return found.text if found.is_telling else ""


def _span(site: Site) -> Span:
    return Span(site.path, site.line, site.column, site.end_line, site.end_column, site.text)


def _layer(layers: Layers, tape: Tape, suspect: Suspect) -> int | None:
    """The deepest layer whose gradient the expression spoils."""
    if layers.tape is not tape:
        return None
    found = {layers.layer_of[layers.root[p]] for p in suspect.explains if layers.root[p] in layers.layer_of}
    return max(found) if found else None


def _shown(site: Site) -> str:
    text = " ".join(site.text.split())
    return text if len(text) <= 60 else text[:57] + "..."


def _words(names: dict[int, str], site: Site, suspect: Suspect) -> tuple[str, str, str]:
    shown = _shown(site)
    if suspect.reason == "scale" and suspect.scale is not None:
        if suspect.scale < 0 and abs(abs(suspect.scale) - 1) < 1e-6:
            return "SC303", "this has the wrong sign", f"`{shown}` is minus what it should be"
        return "SC302", "this is off by a factor", f"`{shown}` should be {suspect.scale:.6g} times what it is"
    if suspect.reason == "empty":
        kept = names[suspect.values[0]]
        return "SC406", "nothing is ever added to this sum", f"`{kept}` stays as it is made here, and is applied so"
    if suspect.reason == "still":
        return "SC406", "this step moves nothing", f"what `{shown}` applies is zero, and the gradient is not"
    if suspect.reason == "unrelated":
        return "SC309", "this step does not follow the gradient", f"`{shown}` applies something else than the gradient"
    if suspect.reason == "last":
        return "SC306", "only the last of several additions is kept", f"`{shown}`: {ONLY_THE_LAST}"
    if suspect.reason == "exchanged":
        return "SC305", "these are in another order", f"`{shown}` mixes up what belongs to which parameter"
    if suspect.reason == "axis":
        return (
            "SC309",
            "this works over the wrong axis",
            f"along axis {suspect.axis} `{shown}` fits the rest of the program",
        )
    target = next((names.get(number) for number, _ in suspect.wanted.values()), None)
    wanted = f"the derivative of the loss with respect to `{target}`" if target else "the derivative that is passed on"
    if suspect.slope:
        return "SC301", _SLOPE, f"`{shown}` should be {wanted}"
    if suspect.reason == "other" or suspect.origin is not None:
        return "SC305", "this is made from the wrong value", f"`{shown}` should be {wanted}"
    return "SC309", "here the backward pass goes wrong", f"`{shown}` should be {wanted}, and is not"
