"""Has failed tests explained: once each, within a budget, in another process; says in a line what it left out."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from _pytest._code.code import TerminalRepr
from _pytest._io import TerminalWriter

from shapecheck.pytest_plugin.examination import Examination, Explanation
from shapecheck.pytest_plugin.failure import Failure, is_users_file
from shapecheck.pytest_plugin.rerun import SecondRun, original, plain_options
from shapecheck.pytest_plugin.settings import Settings
from shapecheck.trace.run import Program

_BOOT = "import sys; sys.path.insert(0, {root!r}); from shapecheck.pytest_plugin.examination import main; main()"
_TITLE = "shapecheck"
# An explanation that has less time than this is not begun.
_LEAST_SECONDS = 3.0
# Variables by which a measuring tool would follow us into our own processes.
_MEASURING = ("COV_CORE_", "COVERAGE_PROCESS_")


@dataclass
class Physician:
    """Explains the failed tests of one session.

    Attributes:
        search_path, environment: As they were before any test could change them.
        spent: Seconds that explanations have taken.
        explained: What was explained already -> the test of which it was.
    """

    config: pytest.Config
    settings: Settings
    search_path: tuple[str, ...]
    environment: dict[str, str]
    spent: float = 0.0
    explained: dict[Any, str] = field(default_factory=dict)
    interrupted: bool = False

    def look_at(
        self, node: pytest.Item | pytest.Collector, report: Any, failure: Failure, error: BaseException
    ) -> None:
        """Add a section to the report of a failure."""
        if self.interrupted:
            return
        if self.settings.reruns and _may_rerun(node):
            explanation = self._explain(node, failure)
        else:
            explanation = Explanation(from_frames=True)
        if explanation.diagnosis is not None:
            report.shapecheck = explanation.diagnosis
        text = explanation.text or explanation.remark
        if explanation.from_frames:
            text = self._from_frames(error, explanation.remark) or text
        if text:
            add_section(report, text)

    def _from_frames(self, error: BaseException, remark: str) -> str:
        """What the traceback alone tells."""
        from shapecheck.postmortem.explanation import as_text, explain

        told = explain(original(error))
        if told is None:
            return ""
        advice = remark or f"more about it: python -m shapecheck explain {told.finding.code}"
        text = as_text(replace(told, advice=""), width=self._width()).strip("\n")
        return f"{text}\n\n{textwrap.fill(advice, self._width(), break_long_words=False, break_on_hyphens=False)}"

    def _explain(self, node: pytest.Item | pytest.Collector, failure: Failure) -> Explanation:
        key = _sameness(node, failure)
        known = self.explained.get(key)
        if known is not None:
            where = "above" if known == node.nodeid else f"at {known}"
            return Explanation(remark=f"the same error as one that is explained {where}")
        seconds = min(self.settings.each, self.settings.budget - self.spent)
        if seconds < _LEAST_SECONDS:
            return Explanation(
                remark=f"not traced: the {self.settings.budget:g} s for explanations are used up "
                "(more with --shapecheck-budget=SECONDS)",
                from_frames=True,
            )
        _stop_the_clock(node)
        started = time.monotonic()
        try:
            explanation = self._examined(node, failure, seconds)
        except KeyboardInterrupt:
            # The user is tired of waiting; the failed test itself still has to be reported.
            self.interrupted = True
            node.session.shouldstop = "interrupted while a failure was being explained"
            return Explanation(remark="not explained: interrupted")
        finally:
            self.spent += time.monotonic() - started
        if explanation.text:
            self.explained[key] = node.nodeid
        return explanation

    def _examined(self, node: pytest.Item | pytest.Collector, failure: Failure, seconds: float) -> Explanation:
        order = Examination(self._program(node, failure), failure, seconds, self._width(), self.settings.trials)
        root = str(Path(__file__).resolve().parents[2])
        command = [sys.executable, "-c", _BOOT.format(root=root)]
        debugging = bool(self.environment.get("SHAPECHECK_DEBUG"))
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if debugging else subprocess.DEVNULL,
            env={n: v for n, v in self.environment.items() if not n.startswith(_MEASURING)},
            cwd=self.config.invocation_params.dir,
            start_new_session=True,
        )
        try:
            answer, _ = process.communicate(pickle.dumps(order), timeout=seconds + 2.0)
        except subprocess.TimeoutExpired:
            return Explanation(
                remark=f"not traced: that would have taken longer than {seconds:.0f} s", from_frames=True
            )
        finally:
            _end(process)
        if not answer:
            return Explanation(remark="not traced: shapecheck failed; SHAPECHECK_DEBUG=1 shows where", from_frames=True)
        return Explanation(**json.loads(answer))

    def _program(self, node: pytest.Item | pytest.Collector, failure: Failure) -> Program:
        config = self.config
        run = SecondRun(
            nodeid=node.nodeid,
            path=str(node.path),
            options=plain_options(vars(config.option)),
            inipath=str(config.inipath) if config.inipath is not None else None,
            rootdir=str(config.rootpath),
            confcutdir=getattr(config.known_args_namespace, "confcutdir", None),
            folder=str(config.invocation_params.dir),
            search_path=self.search_path,
            arguments=tuple(sys.argv),
        )
        return Program(node.nodeid, entry=run, roots=self._roots(node, failure), kept=_kept(node, failure))

    def _roots(self, node: pytest.Item | pytest.Collector, failure: Failure) -> tuple[str, ...]:
        """The folders of the user's code: the project's, the test's, and of whatever else of theirs was imported."""
        folders = [self.config.rootpath, node.path.parent, *(Path(place.path).parent for place in failure.places)]
        for module in list(sys.modules.values()):
            file = getattr(module, "__file__", None)
            if isinstance(file, str) and is_users_file(file):
                folders.append(Path(file).parent)
        return tuple(dict.fromkeys(map(str, folders)))

    def _width(self) -> int:
        try:
            return max(40, min(self.config.get_terminal_writer().fullwidth, 120))
        except AssertionError:  # pytest's, where it has no terminal
            return 80


def _may_rerun(node: pytest.Item | pytest.Collector) -> bool:
    marker = node.get_closest_marker("shapecheck")
    return marker is None or bool(marker.kwargs.get("rerun", True))


def _stop_the_clock(node: pytest.Item | pytest.Collector) -> None:
    """Tell pytest-timeout that the test is over: what follows is our time, and would fail the test a second time."""
    cancel = getattr(node.ihook, "pytest_timeout_cancel_timer", None)
    if cancel is not None:
        cancel(item=node)


def _kept(node: pytest.Item | pytest.Collector, failure: Failure) -> frozenset[str]:
    """The files that say what is right, and are not to be changed: the tests, unless a test itself is what failed."""
    tests = {str(node.path)} | {place.path for place in failure.places if _is_test_file(place.path)}
    own = failure.places[-1].path in tests and not (failure.is_asserted or failure.is_about_gradients)
    return frozenset() if own else frozenset(tests)


def _is_test_file(path: str) -> bool:
    name = Path(path).name
    return name == "conftest.py" or name.startswith("test_") or name.endswith("_test.py")


def _sameness(node: pytest.Item | pytest.Collector, failure: Failure) -> Any:
    """What two failures share that are one: the same code under test, at the same places, with the same words."""
    beneath = [place for place in failure.places if place.path != str(node.path)]
    if not beneath:
        return node.nodeid, failure.message
    return failure.exception, failure.message, tuple((place.path, place.line) for place in beneath)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process with all that it has started."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    process.wait()


def add_section(report: Any, text: str) -> None:
    """Put a text under the failure in a report, wherever that is shown."""
    longrepr = report.longrepr
    if hasattr(longrepr, "addsection"):
        longrepr.addsection(_TITLE, text)
    elif isinstance(longrepr, TerminalRepr):
        report.longrepr = _Extended(longrepr, text)
    else:
        report.sections.append((_TITLE, text))


class _Extended(TerminalRepr):
    """A failure's text that takes no sections (a doctest's, a file's that cannot be imported), with one below it."""

    def __init__(self, inner: TerminalRepr, text: str) -> None:
        self.inner = inner
        self.text = text

    def toterminal(self, tw: TerminalWriter) -> None:
        """Write both."""
        self.inner.toterminal(tw)
        tw.sep("-", _TITLE)
        tw.line(self.text)
