"""The text of what was typed at a prompt, which Python forgets; believed only if it compiles to the same code."""

from __future__ import annotations

import linecache
import sys
import types
from collections.abc import Callable, Iterator

Check = Callable[[str, types.CodeType, str], bool]
# How far back a definition is looked for, in lines of the prompt's history, and how long it may be.
_MOST_BACK, _MOST_LINES = 500, 80


def remembered_text(code: types.CodeType) -> str | None:
    """What newer Pythons remember of their prompt's lines, each under a name or a code of its own."""
    by_code = getattr(linecache, "_getlines_from_code", None)
    lines = by_code(code) if by_code is not None else []
    if not lines and code.co_filename not in {"<stdin>", "<console>"}:
        lines = linecache.getlines(code.co_filename)
    return "".join(lines) or None


def typed_text(code: types.CodeType, check: Check) -> str | None:
    """What was typed and gave this code, from the console that is running it or from the prompt's history.

    Args:
        code: Of the frame.
        check: Whether a text compiles, in a mode, to exactly this code.
    """
    for text in (*_run_by_a_console(), *_from_history(code)):
        if check(text, code, "single"):
            return text
    return None


def _run_by_a_console() -> Iterator[str]:
    """What the consoles of the standard library (`code.interact`) among our callers are running at the moment."""
    frame: types.FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_code.co_name == "runsource" and frame.f_globals.get("__name__") == "code":
            source = frame.f_locals.get("source")
            if isinstance(source, str):
                yield source + "\n"
        frame = frame.f_back


def _from_history(code: types.CodeType) -> Iterator[str]:
    """Pieces of the history that may have given this code, the latest first."""
    readline = sys.modules.get("readline")
    if readline is None:
        return
    last = readline.get_current_history_length()
    lines = [readline.get_history_item(number) or "" for number in range(max(1, last - _MOST_BACK), last + 1)]
    outermost = code.co_qualname.partition(".")[0]
    for start in range(len(lines) - 1, -1, -1):
        if outermost not in {"<module>", "<lambda>"} and outermost not in lines[start]:
            continue
        for end in range(start + 1, min(len(lines), start + _MOST_LINES) + 1):
            yield "\n".join(lines[start:end]) + "\n"
        if outermost == "<module>" and len(lines) - start > _MOST_LINES:
            return
