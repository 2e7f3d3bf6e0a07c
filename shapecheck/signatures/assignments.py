"""Annotated local variables, checked where they are assigned: `dZ: Float[Array, "out batch"] = ...`.

Python throws such annotations away; here the function is compiled once more with a check after each of them.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
import types
from typing import Any

from jaxtyping import AbstractArray

CHECK = "__shapecheck_assigned__"


class LocalRefused(Exception):  # noqa: N818 - never seen by a user; it carries the evidence to the wrapper
    """An annotated local variable does not fit; `arguments` are the frame's variables at that moment."""

    def __init__(self, name: str, annotation: Any, frame: types.FrameType) -> None:
        super().__init__(name)
        self.name = name
        self.annotation = annotation
        self.variables = dict(frame.f_locals)
        self.code = frame.f_code
        self.line = frame.f_lineno


def check_assigned(name: str, value: Any, annotation: type[AbstractArray]) -> None:
    """Raise `LocalRefused` unless `value` fits; a call of this follows each annotated assignment."""
    if not isinstance(value, annotation):
        raise LocalRefused(name, annotation, sys._getframe(1))


def with_checked_assignments(fn: types.FunctionType) -> tuple[types.FunctionType, dict[str, Any]]:
    """Compile `fn` again with a check after every local variable that has an array annotation.

    Args:
        fn: A plain function whose source can be read. Its file, line numbers, defaults and globals are kept.

    Returns:
        The new function, and its annotations by variable name. `fn` itself when it annotates no local array, or when
        its code has been rewritten: what a tracer put there is worth more than the checks.

    Raises:
        TypeError: `fn` uses variables of an enclosing function, or its source cannot be read.
    """
    if _rewritten(fn.__code__):
        return fn, {}
    definition = _definition(fn)
    annotations: dict[str, Any] = {}
    _Inserter(fn.__globals__, annotations).visit_body(definition)
    if not annotations:
        return fn, {}
    if fn.__code__.co_freevars:
        names = ", ".join(f"`{name}`" for name in fn.__code__.co_freevars)
        raise TypeError(
            f"locals=True cannot check `{fn.__qualname__}`: it uses {names} of an enclosing scope; "
            "pass it as an argument, or leave locals=True out"
        )
    module = ast.Module(body=[definition], type_ignores=[])
    ast.fix_missing_locations(module)
    space: dict[str, Any] = {}
    # The checks are constants of the compiled function: its globals stay the module's own, untouched.
    exec(compile(module, fn.__code__.co_filename, "exec", dont_inherit=True), fn.__globals__, space)
    made = space[definition.name]
    code = made.__code__.replace(co_qualname=fn.__qualname__)
    constants = {CHECK: check_assigned, **{_hint_name(name): hint for name, hint in annotations.items()}}
    return _rebuilt(fn, code, constants), annotations


def _rebuilt(fn: types.FunctionType, code: types.CodeType, constants: dict[str, Any]) -> types.FunctionType:
    """Give the new code the old function's defaults, and the checks as hidden keyword-only defaults."""
    new = types.FunctionType(code, fn.__globals__, fn.__name__, fn.__defaults__, None)
    new.__kwdefaults__ = {**(fn.__kwdefaults__ or {}), **constants}
    new.__qualname__, new.__module__, new.__doc__ = fn.__qualname__, fn.__module__, fn.__doc__
    new.__dict__.update(fn.__dict__)
    return new


def _rewritten(code: types.CodeType) -> bool:
    """Whether functions stand among the constants, where no compiler puts them: `shapecheck diagnose` records so."""
    return any(callable(constant) for constant in code.co_consts)


def _definition(fn: types.FunctionType) -> ast.FunctionDef:
    try:
        lines, first = inspect.getsourcelines(fn)
    except (OSError, TypeError) as error:
        raise TypeError(f"locals=True needs the source of `{fn.__qualname__}`, which cannot be read") from error
    tree = ast.parse(textwrap.dedent("".join(lines)))
    ast.increment_lineno(tree, max(first, 1) - 1)
    definition = tree.body[0] if tree.body else None
    if not isinstance(definition, ast.FunctionDef):
        raise TypeError(f"locals=True checks functions written with `def`; `{fn.__qualname__}` is not one")
    definition.decorator_list = []
    definition.returns = None
    every = [*definition.args.posonlyargs, *definition.args.args, *definition.args.kwonlyargs]
    for argument in [*every, definition.args.vararg, definition.args.kwarg]:
        if argument is not None:
            argument.annotation = None
    # Defaults are taken over as values: evaluating them a second time could have an effect.
    definition.args.defaults = [ast.Constant(None) for _ in definition.args.defaults]
    definition.args.kw_defaults = [None if d is None else ast.Constant(None) for d in definition.args.kw_defaults]
    return definition


def _hint_name(variable: str) -> str:
    return f"__shapecheck_hint_{variable}"


class _Inserter(ast.NodeTransformer):
    """Add a check after each annotated assignment of this function, not of functions inside it."""

    def __init__(self, namespace: dict[str, Any], annotations: dict[str, Any]) -> None:
        self.namespace = namespace
        self.annotations = annotations

    def visit_body(self, definition: ast.FunctionDef) -> None:
        definition.body = [part for statement in definition.body for part in self._visited(statement)]
        hidden = [CHECK, *map(_hint_name, self.annotations)] if self.annotations else []
        definition.args.kwonlyargs += [ast.arg(name) for name in hidden]
        definition.args.kw_defaults += [ast.Constant(None) for _ in hidden]

    def _visited(self, statement: ast.stmt) -> list[ast.stmt]:
        result = self.visit(statement)
        return result if isinstance(result, list) else [result]

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | list[ast.stmt]:
        if not isinstance(node.target, ast.Name) or node.value is None:
            return node
        annotation = self._evaluated(node.annotation)
        name = node.target.id
        if not (isinstance(annotation, type) and issubclass(annotation, AbstractArray)):
            return node
        if self.annotations.setdefault(name, annotation) is not annotation:
            raise TypeError(f"`{name}` is annotated twice with different shapes; give the second value its own name")
        call = ast.Call(
            ast.Name(CHECK, ast.Load()),
            [ast.Constant(name), ast.Name(name, ast.Load()), ast.Name(_hint_name(name), ast.Load())],
            [],
        )
        return [node, ast.copy_location(ast.Expr(ast.copy_location(call, node)), node)]

    def _evaluated(self, annotation: ast.expr) -> Any:
        source = ast.Expression(annotation)
        try:
            value = eval(compile(source, "<annotation>", "eval", dont_inherit=True), self.namespace)
            return eval(value, self.namespace) if isinstance(value, str) else value
        except NameError:
            return None


def read_hint(text: str, namespaces: list[dict[str, Any]]) -> Any:
    """Evaluate an annotation that was written as text, or under `from __future__ import annotations`.

    Raises:
        NameError: none of the namespaces has the name.
    """
    failure: NameError | None = None
    for space in namespaces:
        try:
            return eval(text, space)
        except NameError as error:
            failure = error
    raise failure or NameError(text)
