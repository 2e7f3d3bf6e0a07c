"""A program that is one call of a function of the user's, with small inputs of their choice."""

from __future__ import annotations

import ast
import difflib
import importlib.util
import inspect
import os
import sys
import types
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import numpy as np

from shapecheck.trace.run import is_users
from shapecheck.trace.starting import UnrunnableError, folder_of

_NAME = "<--with>"
_EXAMPLE = 'give its arguments with --with, such as --with "X=np.ones((4, 3)), y=np.zeros(4)"'


@dataclass(frozen=True)
class Call:
    """The call, ready to be made: imports the module, evaluates the inputs, calls the function.

    Attributes:
        module: Dotted name.
        function: Its name in the module; `Net.train` for one in a class.
        folder: What `sys.path` begins with: where the module is looked for first.
        inputs: Arguments as in a call, `X=np.ones((4, 3)), 0.1`, which may use `np` and the module's own names; or the
            path of an `.npz` file (an array for each argument) or of a `.py` file (a name for each argument).
    """

    module: str
    function: str
    folder: str
    inputs: str = ""

    @property
    def roots(self) -> tuple[str, ...]:
        """The folders whose modules are the user's."""
        return (self.folder, folder_of(self.module))

    def __call__(self) -> None:
        """Make the call.

        Raises:
            UnrunnableError: There is no such module or function, or it cannot be called with these inputs.
            Exception: What the user's code raises.
        """
        sys.argv[:] = ["-c"]
        sys.path.insert(0, self.folder)
        sys.modules["__main__"] = types.ModuleType("__main__")
        module = self._imported()
        function = self._found(module)
        positional, keywords = self._arguments(module, function)
        self._require_fit(function, positional, keywords)
        result = function(*positional, **keywords)
        if isinstance(result, Coroutine):
            import asyncio

            asyncio.run(result)

    def _imported(self) -> types.ModuleType:
        try:
            __import__(self.module)  # a plain import leaves the import system's frames out of tracebacks
        except ModuleNotFoundError as error:
            if error.name is not None and (self.module + ".").startswith(error.name + "."):
                raise UnrunnableError(
                    f"there is no module {self.module}: {error.name} is not found from {self.folder}"
                ) from None
            raise
        except SyntaxError as error:
            raise UnrunnableError(f"{self.module} cannot be imported: SyntaxError: {error}") from error
        return sys.modules[self.module]

    def _found(self, module: types.ModuleType) -> Callable[..., Any]:
        thing: Any = module
        for name in self.function.split("."):
            if not hasattr(thing, name):
                names = [n for n, value in vars(thing).items() if callable(value) and not n.startswith("_")]
                near = difflib.get_close_matches(name, names, n=1) or names[:8]
                hint = f"; it has {', '.join(near)}" if near else ""
                owner = self.module if thing is module else thing.__name__
                raise UnrunnableError(f"{owner} has no function `{name}`{hint}")
            thing = getattr(thing, name)
        if not callable(thing):
            raise UnrunnableError(f"`{self.function}` of {self.module} is no function: it is a {type(thing).__name__}")
        if inspect.isgeneratorfunction(thing):
            raise UnrunnableError(
                f"`{self.function}` of {self.module} is a generator: calling it runs nothing, so name a function that "
                "goes through it"
            )
        found: Callable[..., Any] = thing
        return found

    # -- inputs -------------------------------------------------------------------------------------------------

    def _arguments(
        self, module: types.ModuleType, function: Callable[..., Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if self.inputs.endswith(".npz"):
            return (), _arrays(self.inputs)
        if self.inputs.endswith(".py"):
            return (), _names(self.inputs, function)
        return self._evaluated(module)

    def _evaluated(self, module: types.ModuleType) -> tuple[tuple[Any, ...], dict[str, Any]]:
        scope = {"np": np, "numpy": np, **vars(module)}
        call = parsed_inputs(self.inputs)
        positional: list[Any] = []
        keywords: dict[str, Any] = {}
        for node in call.args:
            if isinstance(node, ast.Starred):
                positional.extend(self._value(node.value, scope))
            else:
                positional.append(self._value(node, scope))
        for keyword in call.keywords:
            value = self._value(keyword.value, scope)
            keywords.update({keyword.arg: value} if keyword.arg is not None else value)
        return tuple(positional), keywords

    def _value(self, node: ast.expr, scope: dict[str, Any]) -> Any:
        try:
            return eval(compile(ast.Expression(node), _NAME, "eval", dont_inherit=True), scope)
        except Exception as error:
            if self._is_theirs(error):
                raise
            text = ast.unparse(node)
            raise UnrunnableError(f"`{text}` of --with cannot be evaluated: {type(error).__name__}: {error}") from None

    def _is_theirs(self, error: Exception) -> bool:
        """Whether an exception came from the user's own code rather than from the words after `--with`."""
        trail = error.__traceback__
        while trail is not None:
            file = trail.tb_frame.f_code.co_filename
            if not file.startswith("<") and is_users(file, self.roots):
                return True
            trail = trail.tb_next
        return False

    def _require_fit(self, function: Callable[..., Any], positional: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):
            return  # a compiled function may not tell
        try:
            signature.bind(*positional, **keywords)
        except TypeError as error:
            raise UnrunnableError(f"{self.module}.{self.function}{signature}: {error}; {_EXAMPLE}") from None


def parsed_inputs(text: str) -> ast.Call:
    """The words after `--with` as a call's arguments.

    Raises:
        UnrunnableError: They are none.
    """
    try:
        call = ast.parse(f"f({text}\n)", mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise UnrunnableError(
            f"--with {text!r} is not what stands in the brackets of a call: write it as "
            '"X=np.ones((4, 3)), y=np.zeros(4)", or name an .npz or .py file'
        ) from error
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
        raise UnrunnableError(f"--with {text!r} is not what stands in the brackets of a call")
    return call


def _arrays(path: str) -> dict[str, Any]:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except Exception as error:  # zipfile, zlib and NumPy each have errors of their own
        raise UnrunnableError(f"{path} cannot be read as arrays: {type(error).__name__}: {error}") from None
    return {name: array.item() if array.ndim == 0 else array for name, array in arrays.items()}


def _names(path: str, function: Callable[..., Any]) -> dict[str, Any]:
    spec = importlib.util.spec_from_file_location("inputs", os.path.abspath(path))
    if spec is None or spec.loader is None or not os.path.isfile(path):
        raise UnrunnableError(f"there is no file {path} to take inputs from")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise UnrunnableError(f"{path} cannot be run: SyntaxError: {error}") from error
    wanted = inspect.signature(function).parameters
    return {name: value for name, value in vars(module).items() if name in wanted}
