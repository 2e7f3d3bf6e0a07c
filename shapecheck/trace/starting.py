"""Makes a process a program's, as Python itself would: its `__main__`, `sys.argv` and `sys.path`, and what to call."""

from __future__ import annotations

import builtins
import importlib.machinery
import importlib.util
import os
import sys
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from shapecheck.trace.cell_run import CellRun
from shapecheck.trace.cells import Cells
from shapecheck.trace.compiling import PlainCompiler
from shapecheck.trace.shell import install_shell

if TYPE_CHECKING:
    from shapecheck.trace.run import Program


class UnrunnableError(Exception):
    """The program turned out to be none; the message says why in one sentence."""


def _module_spec(name: str) -> importlib.machinery.ModuleSpec:
    """Where `python -m name` finds its program; imports the packages around it, as Python does.

    Raises:
        UnrunnableError: There is no such module.
        Exception: Whatever those packages raise.
    """
    package = name.rpartition(".")[0]
    try:
        if package:
            __import__(package)  # a plain import leaves the import system's frames out of tracebacks
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            __import__(name)
            inside = importlib.util.find_spec(name + ".__main__")
            if inside is None:
                raise UnrunnableError(f"{name} is a package without a `__main__` module: name a module in it")
            spec = inside
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
            raise UnrunnableError(f"there is no module {name}: {error.name} is not found from this folder") from None
        raise
    except ValueError:
        spec = None
    if spec is None:
        raise UnrunnableError(f"there is no module {name}: it is not found from this folder")
    if spec.origin is None or not spec.origin.endswith(".py"):
        raise UnrunnableError(f"{name} is no module that is written in Python")
    return spec


def folder_of(module: str) -> str:
    """The folder that a module's outermost package is in, found without importing anything; the current one if none."""
    spec = importlib.machinery.PathFinder.find_spec(module.partition(".")[0])
    places = [*(spec.submodule_search_locations or []), spec.origin or ""] if spec is not None else [""]
    return os.path.dirname(os.path.realpath(places[0])) if places[0] else os.path.realpath(os.getcwd())


Start = tuple[Callable[[], object], tuple[str, ...], dict[str, Any]]


def take_over(program: Program, compiler: PlainCompiler) -> Start:
    """Make this process the program's and compile it, without running anything of it.

    `sys.argv`, `sys.path[0]` and `sys.modules["__main__"]` are replaced and stay so.

    Returns:
        What to call to run it, the folders whose modules are the user's, and its namespace. Calling it raises
        UnrunnableError where it turns out only then that there is nothing to run.

    Raises:
        SyntaxError: The script itself does not compile (errors in what it imports are the program's own).
        OSError: The script cannot be read.
    """
    sys.argv[:] = [program.script, *program.arguments]
    if program.entry is not None:
        return program.entry, tuple(map(os.path.realpath, program.roots)), {}
    main = types.ModuleType("__main__")
    main.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = main
    if program.module:
        return _start_of_module(program, compiler, main.__dict__)
    if program.cells is not None:
        return _start_of_cells(program, program.cells, compiler, main.__dict__)
    return _start_of_script(program, compiler, main.__dict__)


def _start_of_module(program: Program, compiler: PlainCompiler, namespace: dict[str, Any]) -> Start:
    folder = os.getcwd()
    sys.path.insert(0, folder)
    sys.argv[0] = "-m"

    def start() -> None:
        spec = _module_spec(program.script)
        assert spec.origin is not None
        try:
            code = compiler.compile(spec.origin, compiler.text_of(spec.origin))
        except (SyntaxError, OSError) as error:
            raise UnrunnableError(f"{program.script} cannot be run: {type(error).__name__}: {error}") from error
        namespace.update(__file__=spec.origin, __spec__=spec, __package__=spec.parent, __loader__=spec.loader)
        namespace["__cached__"] = spec.cached
        sys.argv[0] = spec.origin
        exec(code, namespace)

    return start, (os.path.realpath(folder), folder_of(program.script)), namespace


def _start_of_script(program: Program, compiler: PlainCompiler, namespace: dict[str, Any]) -> Start:
    namespace.update(__spec__=None, __package__=None, __annotations__={})
    if program.text is None:
        path = program.own_path
        loader: Any = importlib.machinery.SourceFileLoader("__main__", path)
        namespace.update(__file__=path, __loader__=loader, __cached__=None)
        root = os.path.dirname(os.path.realpath(path))
        sys.path.insert(0, root)
    else:
        path, root = program.own_path, os.path.realpath(os.getcwd())
        namespace.update(__loader__=importlib.machinery.BuiltinImporter)
        sys.argv[0] = "-"
        sys.path.insert(0, "")
    code = compiler.compile(path, compiler.text_of(path, program.text))
    return (lambda: exec(code, namespace)), (root,), namespace


def _start_of_cells(program: Program, cells: Cells, compiler: PlainCompiler, namespace: dict[str, Any]) -> Start:
    namespace.update(__spec__=None, __package__=None, __loader__=None)
    namespace["__doc__"] = "Automatically created module for IPython interactive environment"
    path, root = program.own_path, os.path.realpath(os.getcwd())
    if not program.script.startswith("<"):
        root = os.path.dirname(os.path.realpath(path))
    codes = compiler.compile_cells(path, compiler.text_of(path, program.text), cells)
    os.chdir(root)
    sys.path.insert(0, "")
    install_shell()
    return CellRun(codes, namespace, compiler), (root,), namespace
