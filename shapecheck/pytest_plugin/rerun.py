"""One test of the user's, run again by itself with its fixtures set up anew; it may touch nothing outside itself."""

from __future__ import annotations

import functools
import os
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shapecheck.trace.isolation import Guard
from shapecheck.trace.recorder import Recorder

if TYPE_CHECKING:
    import pytest

# What a second run must not inherit of the first one's options: whatever writes, measures, distributes, repeats,
# selects or asks. Unknown names do no harm: they belong to plugins that are not there.
_OPTIONS: dict[str, Any] = {
    "assertmode": "plain",  # the recorder compiles the test module itself
    "collectonly": False,
    "cov_source": [],
    "deselect": None,
    "dist": "no",
    "failedfirst": False,
    "file_or_dir": [],
    "htmlpath": None,
    "ignore": None,
    "ignore_glob": None,
    "keyword": "",
    "lf": False,
    "log_file": None,
    "markexpr": "",
    "maxfail": 0,
    "newfirst": False,
    "no_cov": True,
    "numprocesses": None,
    "pastebin": None,
    "report_log": None,
    "reruns": 0,
    "setuponly": False,
    "setupplan": False,
    "setupshow": False,
    "shapecheck": "off",
    "stepwise": False,
    "strict_config": False,
    "timeout": 0,
    "trace": False,
    "tx": [],
    "usepdb": False,
    "xmlpath": None,
}
_WITHOUT = ("terminal", "cacheprovider", "junitxml", "pastebin")


class NotFoundError(Exception):
    """The second run has no test of this name."""


def plain_options(options: dict[str, Any]) -> dict[str, Any]:
    """The options of a run that another process can be given: those of plain data."""
    kept = {name: value for name, value in options.items() if _is_plain(value)}
    return kept | {name: value for name, value in _OPTIONS.items() if name in options}


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple | set | frozenset):
        return all(map(_is_plain, value))
    if isinstance(value, dict):
        return all(_is_plain(k) and _is_plain(v) for k, v in value.items())
    return value is None or isinstance(value, Path) or type(value) in {bool, int, float, str, bytes}


@dataclass(frozen=True)
class SecondRun:
    """The entry of a program that is one test; what the test dies of leaves it.

    Attributes:
        nodeid: The test, or the collected file that could not be imported.
        path: Its file.
        options: pytest's options, as plain data.
        inipath: The configuration file of the first run; None where it had none.
        rootdir, confcutdir: The root folder of the first run, and how far up it looked for `conftest.py`.
        folder: Where pytest was started.
        search_path: `sys.path` as the first run found it.
        arguments: `sys.argv` of the first run.
    """

    nodeid: str
    path: str
    options: dict[str, Any]
    inipath: str | None
    rootdir: str
    confcutdir: str | None
    folder: str
    search_path: tuple[str, ...]
    arguments: tuple[str, ...] = field(default=("pytest",))

    def __call__(self) -> None:
        """Run the test.

        Raises:
            NotFoundError: There is no such test.
        """
        os.chdir(self.folder)
        sys.argv[:] = self.arguments
        sys.path[:] = self.search_path
        sys.dont_write_bytecode = True
        _be_silent()
        guard = Guard(tempfile.gettempdir())
        guard.install()
        recorder = Recorder.latest
        if recorder is not None:
            from shapecheck.pytest_plugin.testimony import listen

            listen(recorder)
        try:
            self._run()
        finally:
            guard.armed = False
            # Nobody tears anything down: what still runs, or waits for the end, is to be left as it is.
            threading._shutdown = functools.partial(os._exit, 1)  # type: ignore[attr-defined]

    def _run(self) -> None:
        import pytest
        from _pytest.config import Config

        options = {**self.options, "basetemp": os.path.join(tempfile.gettempdir(), "pytest"), "rootdir": self.rootdir}
        options |= {"inifilename": self.inipath or os.devnull, "confcutdir": self.confcutdir}
        blocked = [argument for name in _WITHOUT for argument in ("-p", f"no:{name}")]
        config = Config.fromdictargs(options, [*blocked, self.path])
        watch = _Watch()
        pytest.hookimpl(tryfirst=True)(_Watch.pytest_runtest_protocol)
        config.pluginmanager.register(watch, "shapecheck-second-run")
        session = pytest.Session.from_config(config)
        config._do_configure()
        config.hook.pytest_sessionstart(session=session)
        config.hook.pytest_collection(session=session)
        item = next((item for item in session.items if item.nodeid == self.nodeid), None)
        if item is None:
            raise NotFoundError(self.nodeid)
        if Recorder.latest is not None:
            Recorder.latest.testimony["asserts"] = _makes_assertions(item)
        item.ihook.pytest_runtest_protocol(item=item, nextitem=None)


class _Watch:
    """Lets out what pytest would catch and keep for its own report."""

    def pytest_exception_interact(self, call: pytest.CallInfo[object]) -> None:
        """A file could not be imported."""
        if call.excinfo is not None:
            raise original(call.excinfo.value)

    def pytest_runtest_protocol(self, item: pytest.Item) -> bool:
        """Set the test up, run it, tear it down, and catch nothing."""
        try:
            item.ihook.pytest_runtest_setup(item=item)
            item.ihook.pytest_runtest_call(item=item)
            caught = getattr(item, "_excinfo", None)
            if caught:  # by `unittest`, which raises nothing
                raise caught[0].value
            item.ihook.pytest_runtest_teardown(item=item, nextitem=None)
        except BaseException as error:
            raise original(error) from None
        return True


def _makes_assertions(item: Any) -> bool:
    """Whether a test's own function asserts anything, going by its source."""
    import ast
    import inspect
    import textwrap

    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(item.function)))
    except (AttributeError, OSError, TypeError, SyntaxError):
        return False
    calls = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    names = (f.attr if isinstance(f, ast.Attribute) else getattr(f, "id", "") for f in calls)
    return any(isinstance(node, ast.Assert) for node in ast.walk(tree)) or any("assert" in n.lower() for n in names)


def original(error: BaseException) -> BaseException:
    """The user's exception inside one of pytest's or doctest's; the exception itself if it is none of these."""
    several = getattr(error, "failures", None)  # doctests that go on after a failure
    if type(error).__name__ == "MultipleDoctestFailures" and several:
        error = several[0]
    inner = getattr(error, "exc_info", None)  # doctest.UnexpectedException
    if isinstance(inner, tuple) and len(inner) == 3 and isinstance(inner[1], BaseException):
        return inner[1]
    if type(error).__name__ == "CollectError" and error.__cause__ is not None:
        return error.__cause__
    return error


def _be_silent() -> None:
    """Send what the run prints nowhere: the first run has shown it."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
