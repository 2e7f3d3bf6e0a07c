"""Golden files, and programs with findings made by hand, for the tests of all packages."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from shapecheck.diagnose.finding import Edit, Span

# Tests run side by side, on all cores: threads of each one's linear algebra would only wait for one another.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# A busy machine is slow, which is no fault of the code: properties have no deadline.
settings.register_profile("shapecheck", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shapecheck")


# Tables whose every row runs a whole diagnosis, or several, or a program beside it: some minutes for all.
_TABLES_OF_DIAGNOSES = (
    "cases/test_diagnoses.py",
    "diagnose",
    "doors/test_parity.py",
    "gradients/test_gradcheck.py",
    "postmortem/test_agreement.py",
    "pytest_plugin",
    "repair",
    "trace/test_worked_cases.py",
    "verify",
)
_EVERY = 8


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of these tables every eighth row where all tests are run; with the corpus, or by its path, every row."""
    if [Path(argument).name for argument in config.args] != ["tests"]:
        return
    here = Path(__file__).parent
    rows: dict[str, list[pytest.Item]] = {}
    for item in items:
        place = item.path.relative_to(here).as_posix()
        if place.startswith(_TABLES_OF_DIAGNOSES) and hasattr(item, "callspec"):
            rows.setdefault(item.nodeid.partition("[")[0], []).append(item)
    for table in rows.values():
        usual = [item for item in table if item.get_closest_marker("corpus") is None]
        for number, item in enumerate(usual):
            if number % _EVERY:
                item.add_marker(pytest.mark.corpus)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew; read the diff after")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a whole output with `golden/NAME` beside the test file; a missing file fails."""
    folder = request.path.parent / "golden"

    def compare(name: str, text: str) -> None:
        file = folder / name
        if request.config.getoption("--update-golden"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode())
        if not file.exists():
            pytest.fail(f"no golden file {file}: run with --update-golden and read what it holds")
        assert text == file.read_bytes().decode()

    return compare


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is found in some seconds of the clock on a quiet machine takes several times as long on a busy one."""
    if "SHAPECHECK_PATIENCE" not in os.environ:
        monkeypatch.setenv("SHAPECHECK_PATIENCE", "8")


@dataclass(frozen=True)
class Program:
    """A file of a test's, with spans and edits found by their text."""

    path: str
    text: str

    def span(self, text: str, *, nth: int = 0) -> Span:
        start = self._find(text, nth)
        line, column = self._position(start)
        end_line, end_column = self._position(start + len(text))
        return Span(self.path, line, column, end_line, end_column, text)

    def edit(self, text: str, replacement: str, *, nth: int = 0) -> Edit:
        span = self.span(text, nth=nth)
        return Edit(self.path, span.line, span.column, span.end_line, span.end_column, replacement)

    def _find(self, text: str, nth: int) -> int:
        start = self.text.index(text)
        for _ in range(nth):
            start = self.text.index(text, start + 1)
        return start

    def _position(self, offset: int) -> tuple[int, int]:
        before = self.text[:offset]
        return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Program]:
    """Write a file into an empty folder that is the current one; spans then have relative paths."""
    monkeypatch.chdir(tmp_path)

    def write(text: str, name: str = "script.py") -> Program:
        Path(name).write_bytes(text.encode())
        return Program(name, text)

    return write
