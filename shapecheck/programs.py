"""From the words of a command line to the program to run; says in one paragraph why one cannot be run."""

from __future__ import annotations

import ast
import os
import sys
import traceback
import warnings
from pathlib import Path

from shapecheck.report.notebook import Notebook, NotebookError
from shapecheck.script_file import unreadable, unusable, unusable_text
from shapecheck.trace.call import Call, parsed_inputs
from shapecheck.trace.cell_run import as_in_notebooks
from shapecheck.trace.cells import Cell
from shapecheck.trace.compiling import decoded
from shapecheck.trace.magics import translate
from shapecheck.trace.run import Program
from shapecheck.trace.starting import UnrunnableError

STDIN = "<stdin>"


class UnusableError(Exception):
    """What was asked for cannot be run; the message is a whole paragraph."""


def program_of(script: str, arguments: tuple[str, ...] = (), *, module: bool = False) -> Program:
    """The program that `diagnose SCRIPT ARGS` means: a script, a notebook, a module, or standard input (`-`).

    Standard input is read to its end here, as Python reads it before it runs anything.

    Raises:
        UnusableError: It cannot be run, going by its file alone.
    """
    if module:
        return Program(script, arguments, module=True)
    if script == "-":
        data = sys.stdin.buffer.read() if sys.stdin is not None else b""
        _require(unusable_text(STDIN, data))
        return Program(STDIN, arguments, text=decoded(data, STDIN))
    if Path(script).suffix == ".ipynb" and not Path(script).is_dir():
        _require(unreadable(script))
        return _notebook(script, arguments)
    _require(unusable(script))
    return Program(script, arguments)


def _require(reason: str | None) -> None:
    if reason:
        raise UnusableError(reason)


def _notebook(script: str, arguments: tuple[str, ...]) -> Program:
    try:
        notebook = Notebook.parse(Path(script).read_bytes())
    except NotebookError as error:
        raise UnusableError(f"{script} {error}") from error
    cells = [Cell(cell.number, cell.source, "raises-exception" in cell.tags) for cell in notebook.cells]
    for cell in cells:
        if not cell.may_fail:
            _require(_syntax_error(script, cell))
    return Program.of_cells(cells, script, arguments)


def _syntax_error(script: str, cell: Cell) -> str | None:
    text = translate(cell.source).text
    try:
        with warnings.catch_warnings():
            # Python gives its warnings when the program runs; once is enough.
            warnings.simplefilter("ignore")
            compile(text, cell.name, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    except SyntaxError as error:
        shown = as_in_notebooks("".join(traceback.format_exception_only(error))).rstrip()
        return f"{script} cannot be run, Python does not understand its cell {cell.number}:\n{shown}"
    except (RecursionError, MemoryError, ValueError) as error:
        reason = error or "it is nested too deeply"
        return f"{script} cannot be run, Python does not understand its cell {cell.number}: {reason}"
    return None


def call_of(function: str, inputs: str) -> Program:
    """The program that `diagnose --function MODULE:FUNCTION --with INPUTS` means.

    Args:
        function: `package.module:function`, or `folder/file.py:function`.
        inputs: What stands in the brackets of the call, or the path of an `.npz` or a `.py` file.

    Raises:
        UnusableError: The words cannot mean a call.
    """
    place, colon, name = function.rpartition(":")
    if not colon or not place or not all(part.isidentifier() for part in name.split(".")):
        raise UnusableError(
            f"{function} names no function: write MODULE:FUNCTION, such as net:train or nets/net.py:train"
        )
    folder, module = _module_at(place) if place.endswith(".py") else (os.getcwd(), place)  # noqa: PTH109
    if not all(part.isidentifier() for part in module.split(".")):
        raise UnusableError(f"{place} is no module's name: write MODULE:FUNCTION, or the path of a .py file")
    if inputs.endswith((".npz", ".py")):
        if not Path(inputs).is_file():
            raise UnusableError(f"there is no file {inputs} to take inputs from")
        inputs = str(Path(inputs).resolve())
    else:
        try:
            parsed_inputs(inputs)
        except UnrunnableError as error:
            raise UnusableError(str(error)) from error
    call = Call(module, name, os.path.realpath(folder), inputs)
    return Program(function, entry=call, roots=call.roots)


def _module_at(path: str) -> tuple[str, str]:
    """(folder to look in, dotted name) of a module's file: a package is what has an `__init__.py`."""
    _require(unusable(path))
    file = Path(path).resolve()
    names = [file.stem] if file.stem != "__init__" else []
    folder = file.parent
    while (folder / "__init__.py").is_file() and folder != folder.parent:
        names.insert(0, folder.name)
        folder = folder.parent
    return str(folder), ".".join(names)
