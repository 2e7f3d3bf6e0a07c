"""What is said of repairs: which are offered, what proves them, and where and what the mistake was, going by them."""

from __future__ import annotations

from dataclasses import replace

from shapecheck.diagnose.finding import Edit, Finding, Fix, Span, TrailStep
from shapecheck.repair.changes import whole_words
from shapecheck.repair.evidence import Solution
from shapecheck.repair.loop_turns import LEAVE, REACH
from shapecheck.repair.search import Search
from shapecheck.trace.child import Trace

# What these do is meant whatever the network: a function that takes arrays, a number out of a tuple.
_SELF_EVIDENT = frozenset({"scalar", "count", "output", "matrix", "join"})

# What a wrong gradient is called, by the edit that mends it.
_CODE_OF_REPAIR = {
    "slope": "SC301",
    "missing slope": "SC301",
    "factor": "SC302",
    "sign": "SC303",
    "sum": "SC304",
    "axis": "SC304",
    "keepdims": "SC304",
    "name": "SC305",
    "index": "SC305",
    "guard": "SC305",
    "key": "SC305",
    "function": "SC305",
    "product": "SC307",
    "transpose": "SC307",
    "copy": "SC404",
    "accumulate": "SC306",
    "order": "SC401",
    "term": "SC306",
    "missing factor": "SC306",
    "missing statement": "SC306",
    "target": "SC306",
}
# What is said of a loop, by the edit that mends it.
_LOOPS = {REACH: "this loop leaves out a turn", LEAVE: "this leaves the loop in its first turn"}
_NAMES_SHOWN = 6
# How lines begin that have little to do with the statement before them.
_APART = ("if ", "for ", "while ", "with ", "try:", "def ", "class ", "@", "return", "print(")


def may_be_offered(solution: Solution) -> bool:
    """Whether there is evidence beyond the silence of the error: gradients, or a network that goes on training."""
    if solution.tier <= 1:
        return True
    agreement = solution.outcome.agreement
    trains = agreement is not None and bool(agreement.parameters)
    return solution.tier == 2 and (trains or solution.candidate.kind in _SELF_EVIDENT)


def with_fixes(trace: Trace, finding: Finding, fixes: tuple[Fix, ...], kind: str, edit: Edit) -> Finding:
    """A finding of a wrong gradient with its fixes.

    Args:
        trace: What was recorded of the program.
        finding: What was found.
        fixes: Its repairs, best first.
        kind: The family of the edit that mends it: it says what was wrong.
        edit: That edit, which says where.
    """
    code = _CODE_OF_REPAIR.get(kind, finding.code)
    # Whatever the edit, it mends a slope, a factor or the choice of the loss where that is what is wrong, and a step
    # where there is none.
    known = (
        finding.code == "SC301"
        or (finding.code == "SC308" and code != "SC306")
        or (finding.code == "SC303" and kind in {"product", "term", "factor"})
        or (finding.code == "SC406" and kind == "missing statement")
        or finding.code == "SC411"
    )
    if known or (finding.code == "SC302" and kind not in {"name", "index", "key", "sign"}):
        code = finding.code
    if finding.code == "SC301" and kind == "term" and edit.line != finding.location.line:
        finding, code = replace(finding, title="what this is made from lacks a term"), _CODE_OF_REPAIR[kind]
    cause = place_of(trace, edit)
    if kind in _LOOPS:
        concerned = ", ".join(f"`{name}`" for name in finding.parameters[:_NAMES_SHOWN])
        message = f"what is applied to {concerned} is zero: no turn of the loop computes its gradient"
        trail = (TrailStep(finding.location, "what is zero is made, or applied, here"),)
        finding = replace(finding, title=_LOOPS[kind], message=message, location=cause, trail=trail)
    return replace(finding, code=code, cause=cause, fixes=fixes)


def place_of(trace: Trace, edit: Edit) -> Span:
    """The piece of source that an edit changes; the whole line's code where it only inserts."""
    source = trace.sources[edit.path]
    text = source.slice(edit.line, edit.column, edit.end_line, edit.end_column)
    if text.strip() and edit.end_column == 1 and edit.end_line > edit.line:
        # A statement with its lines: the code in them.
        lines = text.rstrip("\n").split("\n")
        start = len(lines[0]) - len(lines[0].lstrip())
        end = edit.line + len(lines) - 1
        return Span(
            edit.path, edit.line, edit.column + start, end, len(source.lines[end - 1].rstrip()) + 1, text.strip()
        )
    if text.strip() and edit.line != edit.end_line:
        return Span(edit.path, edit.line, edit.column, edit.end_line, edit.end_column, text)
    if text.strip():
        line = source.lines[edit.line - 1].rstrip()
        first, last = whole_words(line, edit.column - 1, edit.end_column - 1)
        return Span(edit.path, edit.line, first + 1, edit.line, last + 1, line[first:last])
    # What is inserted at a blank line, at the end, or at the end of a block belongs to the line before it; so does
    # what comes before a block of its own, or before what is done with the results.
    last = min(edit.line, len(source.lines))
    if edit.column == 1 and last == edit.line:
        following = source.lines[last - 1]
        apart = _indent(following) == _indent(edit.replacement) and following.lstrip().startswith(_APART)
        last -= apart or _indent(following) < _indent(edit.replacement)
    number = next((n for n in range(last, 0, -1) if source.lines[n - 1].strip()), 1)
    line = source.lines[number - 1].rstrip()
    start = len(line) - len(line.lstrip()) + 1
    return Span(edit.path, number, start, number, len(line) + 1, line.strip())


def fix_of(solution: Solution, search: Search) -> Fix:
    """A repair as it is told: its edits, what came of them when they were run, and how far that proves them."""
    agreement = solution.outcome.agreement
    ended = solution.outcome.ended
    finished = ended in {"finished", "exit"}
    proven = solution.tier == 0 and (finished or ended in {"refused", "stopped"})
    said = ["runs to the end" if finished else "runs past the place"]
    if solution.outcome.asserts and ended == "finished":
        said = ["the test passes"]
    evidence: dict[str, object] = {"trial": ended, "tier": solution.tier}
    if agreement is not None and agreement.verdict == "right":
        names = list(dict.fromkeys(p.name for p in agreement.parameters if p.verdict == "right"))
        errors = max((p.error for p in agreement.parameters if p.verdict == "right"), default=0.0)
        said.append(
            f"the updates of {_listed(names)} follow the numeric gradient of {agreement.formula} "
            f"(relative error <= {errors:.0e})"
        )
        evidence["gradients"] = {
            "loss": agreement.formula,
            "inferred": agreement.inferred,
            "parameters": {p.name: {"relative_error": p.error, "factor": p.factor} for p in agreement.parameters},
        }
    elif solution.outcome.checked and finished:
        names = list(solution.outcome.checked)
        said.append(f"the gradients of {_listed(names)} match numeric ones")
        evidence["checked"] = names
    elif finished and not solution.outcome.asserts:
        said.append("its gradients could not be held against a loss")
    return Fix(
        title=solution.candidate.title,
        confidence="verified" if proven else "plausible",
        edits=search.edits(solution),
        summary="; ".join(said),
        evidence=evidence,
    )


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_NAMES_SHOWN]) + (" and others" if len(names) > _NAMES_SHOWN else "")


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip(" \t"))
