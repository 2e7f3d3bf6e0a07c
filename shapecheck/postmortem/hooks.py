"""Has uncaught shape errors explained below their own tracebacks; changes nothing else of how they are reported."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any


class _Hook:
    """An exception hook that calls the one before it first, and then explains; knows nothing of NumPy until then."""

    def __init__(self, previous: Any) -> None:
        self.previous = previous
        self.active = True


class _Uncaught(_Hook):
    """In the place of `sys.excepthook`."""

    def __call__(self, kind: type[BaseException], error: BaseException, trail: TracebackType | None) -> None:
        with _explained_below(self, error):
            if self.previous is not sys.__excepthook__ or not _shown_by_console(
                sys._getframe().f_back, kind, error, trail
            ):
                self.previous(kind, error, trail)


class _InThread(_Hook):
    """In the place of `threading.excepthook`."""

    def __call__(self, arguments: Any) -> None:
        with _explained_below(self, arguments.exc_value):
            self.previous(arguments)


_nesting = threading.local()
_hooks: list[_Hook] = []


@contextlib.contextmanager
def _explained_below(hook: _Hook, error: BaseException | None) -> Iterator[None]:
    """Explain an exception once the hooks below have shown it: of several hooks of ours only the outermost does."""
    outermost = not getattr(_nesting, "inside", False)
    _nesting.inside = True
    try:
        yield
    finally:
        if outermost:
            _nesting.inside = False
    if outermost and hook.active and error is not None and _may_be_explained(error):
        try:
            _write(error)
        except BaseException as fault:  # an impatient Ctrl-C too: whatever goes wrong with us must not be seen
            _note(fault)


def _shown_by_console(
    caller: FrameType | None, kind: type[BaseException], error: BaseException, trail: TracebackType | None
) -> bool:
    """Show an exception as a console of the standard library does itself when nobody has set a hook.

    `code.interact` and Python 3.13's prompt hand the exception to a hook in place of their own way, which leaves out
    their own frames and has colours.
    """
    if caller is None:  # a script's end: the interpreter itself calls
        return False
    console: Any = caller.f_locals.get("self")
    if caller.f_globals.get("__name__") != "code" or not caller.f_code.co_name.endswith("showtraceback"):
        return False
    if hasattr(console, "_excepthook"):
        console._excepthook(kind, error, trail)
    elif trail is not None and hasattr(console, "write"):
        import traceback

        console.write("".join(traceback.format_exception(kind, error, trail.tb_next)))
    else:
        return False
    return True


def install() -> None:
    """Explain every uncaught shape error below its own traceback, in scripts, threads and at prompts.

    The explanation is read from the frames of the traceback: nothing is recorded while the program runs and nothing
    is run again. The exception, its traceback and the exit status stay as they are. In IPython and Jupyter this does
    what `%load_ext shapecheck` does. A second call changes nothing.
    """
    if _in_ipython("load_ipython_extension"):
        return
    if not (isinstance(sys.excepthook, _Uncaught) and sys.excepthook.active):
        _hooks.append(_Uncaught(sys.excepthook))
        sys.excepthook = _hooks[-1]  # type: ignore[assignment]
    if not (isinstance(threading.excepthook, _InThread) and threading.excepthook.active):
        _hooks.append(_InThread(threading.excepthook))
        threading.excepthook = _hooks[-1]  # type: ignore[assignment]


def uninstall() -> None:
    """Put back what `install()` replaced; a hook that was set on top of ours stays and finds ours silent."""
    if _in_ipython("unload_ipython_extension"):
        return
    for hook in _hooks:
        hook.active = False
    _hooks.clear()
    while isinstance(sys.excepthook, _Uncaught):
        sys.excepthook = sys.excepthook.previous
    while isinstance(threading.excepthook, _InThread):
        threading.excepthook = threading.excepthook.previous


def _in_ipython(act: str) -> bool:
    """Let the extension do it where this is a session of IPython's."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None:
        return False
    from shapecheck import ipython as extension

    getattr(extension, act)(shell)
    return True


def _may_be_explained(error: BaseException) -> bool:
    return "numpy" in sys.modules and sys.stderr is not None and not isinstance(error, SystemExit | KeyboardInterrupt)


def _write(error: BaseException) -> None:
    """Write the explanation of an exception, if it has one."""
    from shapecheck.postmortem.explanation import as_text, explain
    from shapecheck.report.stream import Output

    explanation = explain(error)
    if explanation is None:
        return
    output = Output(sys.stderr)
    output.write("\n" + as_text(explanation, width=output.width(), color=output.wants_color("auto")))


def _note(fault: BaseException) -> None:
    """Say what went wrong with us to those who asked for it, and to nobody else."""
    if os.environ.get("SHAPECHECK_DEBUG") in {None, "", "0"}:
        return
    with contextlib.suppress(Exception):
        sys.stderr.write(f"shapecheck could not explain this: {type(fault).__name__}: {fault}\n")
