"""Another argument for a parameter of whose name the caller has a value that nobody reads: `cost(theta, it)`."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from shapecheck.diagnose.finding import Finding
from shapecheck.repair.candidate import Candidate
from shapecheck.repair.desk import Desk
from shapecheck.repair.evidence import NOT_FINITE
from shapecheck.repair.surroundings import Module
from shapecheck.trace.child import Trace

_MOST = 6


def unread_arguments(trace: Trace, finding: Finding) -> list[Candidate]:
    """Edits that hand a function what the caller has under the parameter's own name, and gives to nobody.

    They are tried where numbers outgrow a float: a strength or a rate that is a counter in truth grows with it.
    """
    if finding.code not in NOT_FINITE:
        return []
    desks = [Desk(Module.parse(source), path) for path, source in trace.sources.items() if source.text.endswith("\n")]
    return [candidate for desk in desks for candidate in _of_module(desk)][:_MOST]


def _of_module(desk: Desk) -> Iterator[Candidate]:
    functions = {n.name: n for n in ast.walk(desk.module.tree) if isinstance(n, ast.FunctionDef)}
    for call in desk.module.expressions():
        name = ""
        if isinstance(call, ast.Call):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        function = functions.get(name)
        if function is None or not isinstance(call, ast.Call):
            continue
        unread = _unread(desk, call)
        for parameter, argument in _given(function, call):
            if parameter in unread and isinstance(argument, ast.Name) and argument.id != parameter:
                edit = desk.edit(argument, parameter)
                yield desk.candidate(f"hand `{parameter}` to `{function.name}`", "name", 0.3, edit)


def _given(function: ast.FunctionDef, call: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    """(parameter, argument) of a call."""
    names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
    if isinstance(call.func, ast.Attribute) and names[:1] == ["self"]:
        names = names[1:]
    if not any(isinstance(a, ast.Starred) for a in call.args):
        yield from zip(names, call.args, strict=False)
    yield from ((k.arg, k.value) for k in call.keywords if k.arg is not None)


def _unread(desk: Desk, call: ast.Call) -> set[str]:
    """The names that are stored where a call stands and never read there, nor by functions of the module."""
    scope = desk.module.enclosing_function(call) or desk.module.tree
    inner = [n for n in ast.walk(scope) if isinstance(n, ast.FunctionDef) and n is not scope]
    within = {id(n) for f in inner for n in ast.walk(f)}
    names = [n for n in ast.walk(scope) if isinstance(n, ast.Name) and id(n) not in within]
    read = {n.id for n in names if isinstance(n.ctx, ast.Load)}
    for function in inner:
        # What a function calls by a name of its own is not the caller's.
        own = _parameters(function)
        read |= {n.id for n in ast.walk(function) if isinstance(n, ast.Name) and n.id not in own}
    return {n.id for n in names if isinstance(n.ctx, ast.Store)} - read


def _parameters(function: ast.FunctionDef) -> set[str]:
    given = function.args
    return {a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)}


__all__ = ["unread_arguments"]
