"""The pytest plugin: settings, the `gradcheck` fixture, and an explanation under each test that dies of its shapes.

Only what every session needs is imported here; what explains is imported when a test has failed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import pytest

from shapecheck import check_defaults

if TYPE_CHECKING:
    from shapecheck.pytest_plugin.physician import Physician

_OPTIONS = {
    "shapecheck": (
        "on|frames|off",
        "explain tests that die of a shape error or a wrong gradient: run again under tracing, or by their frames only",
    ),
    "shapecheck_seed": ("N", "seed of the random directions of gradient checks (default: a fresh one each time)"),
    "shapecheck_rtol": ("X", "relative error that gradient checks allow (default: what the loss's own noise explains)"),
    "shapecheck_budget": ("SECONDS", "time for all explanations of the session (default: 60)"),
    "shapecheck_trials": ("on|off", "run edited copies of a failed test to find and prove repairs (default: on)"),
    "shapecheck_timeout": ("SECONDS", "time for one explanation (default: 20)"),
}
_MARKER = "shapecheck(rerun=True): with rerun=False the test is never run a second time to explain its failure"
# Options of reports in files, pytest's own and those of plugins in wide use.
_FILES = ("xmlpath", "htmlpath", "report_log", "json_report_file", "pastebin")
# `sys.path` and the environment as they were before any test or conftest.py could change them.
_found = pytest.StashKey[tuple[tuple[str, ...], dict[str, str]]]()
_physician = pytest.StashKey["Physician"]()
_explains = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the settings, each for the command line and for the configuration file."""
    group = parser.getgroup("shapecheck", "shapes and gradients (shapecheck)")
    for name, (metavar, meaning) in _OPTIONS.items():
        group.addoption(f"--{name.replace('_', '-')}", dest=name, metavar=metavar, default=None, help=meaning)
        parser.addini(name, meaning, default="")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Keep what a second run has to start from."""
    early_config.stash[_found] = (tuple(sys.path), dict(os.environ))


def pytest_configure(config: pytest.Config) -> None:
    """Read the settings; what is wrong with them is said at once."""
    from shapecheck.pytest_plugin.settings import Settings

    config.addinivalue_line("markers", _MARKER)
    settings = Settings.of(config)
    config.stash[_explains] = settings.explains
    check_defaults.given = settings.check_options()


def pytest_unconfigure() -> None:
    """Leave no setting behind for another session in this process."""
    check_defaults.given = {}


@pytest.fixture
def gradcheck() -> Callable[..., Any]:
    """`assert_gradients`, with the session's seed and tolerance."""
    from shapecheck.assertions import assert_gradients

    return assert_gradients


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Explain a test that failed."""
    if call.excinfo is not None and item.config.stash.get(_explains, False):
        _hide_own_frames()
    report = yield
    if call.excinfo is not None and report.failed:
        _look_at(item, report, call.excinfo.value)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Explain a file that could not be imported."""
    report = yield
    call = getattr(report, "call", None)
    if report.failed and call is not None and call.excinfo is not None:
        _look_at(collector, report, call.excinfo.value)
    return report


def _hide_own_frames() -> None:
    """Leave our own functions out of tracebacks, between a test and what it checks; `--full-trace` shows them."""
    packages = tuple(f"shapecheck.{name}." for name in ("assertions", "gradients", "verification", "signatures"))
    for name, module in list(sys.modules.items()):
        if f"{name}.".startswith(packages):
            vars(module).setdefault("__tracebackhide__", True)


def _look_at(node: pytest.Item | pytest.Collector, report: Any, error: BaseException) -> None:
    """Have a failure explained; whatever happens here, the report of it stays."""
    if "numpy" not in sys.modules or not node.config.stash.get(_explains, False) or not _is_shown(node.config):
        return
    try:
        from shapecheck.pytest_plugin.failure import failure_of

        failure = failure_of(error)
        if failure.is_suspicious:
            _physician_of(node.config).look_at(node, report, failure, error)
    except Exception as fault:
        _confess(report, fault)


def _is_shown(config: pytest.Config) -> bool:
    """Whether anybody sees the text of a failure."""
    files = any(config.getoption(name, None) for name in _FILES)
    return files or config.getoption("tbstyle", "auto") not in {"no", "line"}


def _physician_of(config: pytest.Config) -> Physician:
    physician = config.stash.get(_physician, None)
    if physician is None:
        from shapecheck.pytest_plugin.physician import Physician
        from shapecheck.pytest_plugin.settings import Settings

        search_path, environment = config.stash.get(_found, (tuple(sys.path), dict(os.environ)))
        physician = config.stash[_physician] = Physician(config, Settings.of(config), search_path, environment)
    return physician


def _confess(report: Any, fault: Exception) -> None:
    """Say in one line that shapecheck itself failed."""
    where = ""
    traceback = fault.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        where = f" at {os.path.basename(code.co_filename)}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    said = f"{type(fault).__name__}: {fault}".partition("\n")[0]
    report.sections.append(("shapecheck", f"not explained: shapecheck failed ({said[:200]}{where})"))
