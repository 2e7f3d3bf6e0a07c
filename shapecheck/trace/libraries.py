"""Which source files belong to Python or to an installed package, and so are not the user's."""

from __future__ import annotations

import os
import sysconfig
from functools import cache
from pathlib import Path

_INSTALLED = frozenset({"site-packages", "dist-packages"})


@cache
def is_of_a_library(path: str) -> bool:
    """Whether a file is Python's own or an installed package's.

    Both the name it goes by and the file that this leads to are looked at: a system may keep files of the standard
    library elsewhere and link to them.
    """
    return any(_INSTALLED & set(Path(name).parts) or name.startswith(_standard()) for name in _names(path))


def _names(path: str) -> tuple[str, ...]:
    return os.path.abspath(path), os.path.realpath(path)


@cache
def _standard() -> tuple[str, ...]:
    """The folders of the standard library."""
    found = [path for name in ("stdlib", "platstdlib") if (path := sysconfig.get_path(name))]
    return tuple({os.path.join(name, "") for path in found for name in _names(path)})
