"""The text of the code that a frame ran, and whether that code is the user's own."""

from __future__ import annotations

import contextlib
import sys
import types
from collections.abc import Iterator
from pathlib import Path

from shapecheck.postmortem.typed import remembered_text, typed_text
from shapecheck.trace.code_names import cell_number
from shapecheck.trace.compiling import read_source
from shapecheck.trace.libraries import is_of_a_library
from shapecheck.trace.sites import SourceText

_OURS = Path(__file__).resolve().parents[1]


def _roots() -> list[Path]:
    """The folders beneath which code is the user's: that of the program, and the current one."""
    roots = []
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    if isinstance(main, str):
        roots.append(Path(main).resolve().parent)
    with contextlib.suppress(OSError):
        roots.append(Path.cwd().resolve())
    return roots


def is_users(code: types.CodeType) -> bool:
    """Whether code was written by the user: at a prompt, in a notebook, or in a file that is no installed package."""
    path = code.co_filename
    if path.startswith("<frozen ") or path == "<string>":
        return False
    if path.startswith("<") or cell_number(path) is not None:
        return True
    real = Path(path).resolve()
    if is_of_a_library(path) or real.is_relative_to(_OURS):
        return False
    return any(real.is_relative_to(root) for root in _roots())


def source_of(frame: types.FrameType) -> SourceText | None:
    """The text that a frame's code was compiled from; None where it is not to be had, or has changed since."""
    code = frame.f_code
    if code.co_filename.startswith("<") or cell_number(code.co_filename) is not None:
        text = remembered_text(code) or typed_text(code, has_compiled_to)
        return None if text is None else SourceText(code.co_filename, text)
    try:
        text = read_source(code.co_filename)
    except (OSError, SyntaxError):
        return None
    return SourceText(code.co_filename, text) if has_compiled_to(text, code) else None


def has_compiled_to(text: str, code: types.CodeType, mode: str = "exec") -> bool:
    """Whether a text gives this very code, instruction for instruction and place for place."""
    try:
        whole = compile(text, code.co_filename, mode, dont_inherit=True)
    except (SyntaxError, ValueError):
        return False
    return any(_is_same(one, code) for one in _all(whole))


def _all(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _all(constant)


def _is_same(one: types.CodeType, other: types.CodeType) -> bool:
    return (
        one.co_qualname == other.co_qualname
        and one.co_firstlineno == other.co_firstlineno
        and one.co_names == other.co_names
        and one.co_varnames == other.co_varnames
        and one.co_code == other.co_code
        and list(one.co_positions()) == list(other.co_positions())
    )
