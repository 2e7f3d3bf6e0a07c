"""What people call the place of a piece of code: a file and a line, or a notebook's cell and a line."""

from __future__ import annotations

import re
import sys
from pathlib import PurePath

_CELL = re.compile(r"<ipython-input-(\d+)-|Cell In\[(\d+)\]")


def cell_number(filename: str) -> int | None:
    """The number of the cell that code was compiled from; None where it is no cell's.

    Args:
        filename: As the code object has it. Kernels make up names of files that are not there.
    """
    named = _CELL.match(filename)
    if named:
        return int(named[1] or named[2])
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    numbers = getattr(getattr(shell, "compile", None), "_filename_map", None)
    number = numbers.get(filename) if isinstance(numbers, dict) else None
    return number if isinstance(number, int) else None


def short_place(filename: str, line: int) -> str:
    """`net.py:41`, or `cell 3, line 2`."""
    cell = cell_number(filename)
    if cell is not None:
        return f"cell {cell}, line {line}"
    return f"{filename if filename.startswith('<') else PurePath(filename).name}:{line}"
