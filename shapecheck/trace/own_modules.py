"""The program's own files that are called as modules of Python's are: `copy.py` beside the script."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

# What Python itself has loaded before any program begins: no file of the program's is found in their place.
_BEFORE_ANY_PROGRAM = frozenset(
    "abc builtins codecs encodings genericpath importlib io marshal nt ntpath os posix posixpath site stat sys "
    "warnings zipimport".split()
)


@contextmanager
def own_modules_first(folders: Sequence[str]) -> Iterator[None]:
    """Let the program find its own files, though shapecheck has loaded Python's modules of that name for itself.

    Args:
        folders: Where the program's modules are looked for first.
    """
    hidden = {name: sys.modules[name] for name in sys.stdlib_module_names & sys.modules.keys() - _BEFORE_ANY_PROGRAM}
    hidden = {name: module for name, module in hidden.items() if any(_is_in(name, folder) for folder in folders)}
    for name in hidden:
        del sys.modules[name]
    try:
        yield
    finally:
        sys.modules.update(hidden)


def _is_in(name: str, folder: str) -> bool:
    return os.path.isfile(os.path.join(folder, f"{name}.py")) or os.path.isfile(
        os.path.join(folder, name, "__init__.py")
    )


__all__ = ["own_modules_first"]
