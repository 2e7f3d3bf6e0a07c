"""Every case is what its case.toml says: the crash, the repair, and an oracle that can tell them apart."""

from __future__ import annotations

import contextlib
import difflib
import io
import runpy
import sys
import tomllib
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shapecheck.diagnose.codes import CODES

CORPUS = Path(__file__).resolve().parents[2] / "cases"
FOLDERS = sorted(toml.parent for toml in CORPUS.glob("*/case.toml"))
# There is a case for each of these.
COVERED = {f"SC1{n:02}" for n in range(1, 13)} | {"SC201", "SC202", "SC203"} | {f"SC30{n}" for n in range(1, 10)}
ALWAYS = {"title", "kind", "source", "why", "style", "layout"}
OPTIONAL = {"modules", "layer", "layer_also", "cause_file", "crash_file", "only_silences", "also_right"}
WANTED = {
    "crash": ALWAYS | {"codes", "cause_lines", "crash_line", "error"},
    "silent": ALWAYS | {"codes", "cause_lines"},
    "clean": ALWAYS | {"suspicious"},
}
# The same NumPy error in the words of other releases.
OTHER_WORDS = {
    "TypeError: only 0-dimensional arrays can be converted to Python scalars": (
        "TypeError: only length-1 arrays can be converted to Python scalars"
    ),
}


def truth_of(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "case.toml").read_text(encoding="utf-8"))


def of_kind(*kinds: str) -> Any:
    folders = [folder for folder in FOLDERS if truth_of(folder)["kind"] in kinds]
    return pytest.mark.parametrize("folder", folders, ids=[folder.name for folder in folders])


@contextlib.contextmanager
def as_a_script(path: Path) -> Iterator[None]:
    """Make `sys` look as it does under `python path`, and forget the script's own modules afterwards."""
    before, argv = set(sys.modules), sys.argv
    sys.path.insert(0, str(path.parent))
    sys.argv = [str(path)]
    try:
        yield
    finally:
        sys.argv = argv
        sys.path.remove(str(path.parent))
        for name in set(sys.modules) - before:
            origin = getattr(sys.modules[name], "__file__", None) or ""
            if Path(origin).parent == path.parent:
                del sys.modules[name]


def run(path: Path, *, warn: Any = "ignore") -> tuple[dict[str, Any], str]:
    printed = io.StringIO()
    with as_a_script(path), contextlib.redirect_stdout(printed), warnings.catch_warnings():
        warnings.simplefilter(warn)
        # NumPy discourages np.matrix with this one; the programs that use it are right all the same.
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        return runpy.run_path(str(path), run_name="__main__"), printed.getvalue()


def prove(folder: Path, namespace: dict[str, Any]) -> None:
    path = list(sys.path)
    try:
        check = runpy.run_path(str(folder / "oracle.py"))["check"]
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            check(namespace)
    finally:
        sys.path[:] = path


def sources(folder: Path) -> dict[str, list[str]]:
    names = ["script.py", *truth_of(folder).get("modules", [])]
    return {name: (folder / name).read_text(encoding="utf-8").splitlines() for name in names}


@pytest.mark.parametrize("folder", FOLDERS, ids=[folder.name for folder in FOLDERS])
def test_the_case_is_completely_described(folder: Path) -> None:
    truth = truth_of(folder)
    kind = truth["kind"]
    assert folder.name.startswith(kind + "-")
    assert WANTED[kind] <= truth.keys() <= WANTED[kind] | OPTIONAL
    assert all(truth[key] for key in WANTED[kind])
    assert truth["layout"] in {"batch-first", "features-first", "single-sample"}
    if kind != "clean":
        assert set(truth["codes"]) <= CODES.keys()
        lines = sources(folder)[truth.get("cause_file", "script.py")]
        assert all(lines[n - 1].strip() for n in truth["cause_lines"])
    assert (folder / "fixed.py").exists() == (kind != "clean")


@of_kind("crash")
def test_the_script_dies_of_the_stated_error_at_the_stated_line(folder: Path) -> None:
    truth = truth_of(folder)
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the type is part of the text compared below
        run(folder / "script.py")
    text = str(caught.value)
    died_of = f"{caught.type.__name__}: {text}" if text else caught.type.__name__
    assert died_of in (truth["error"], OTHER_WORDS.get(truth["error"]))
    frames = [frame for frame in traceback.extract_tb(caught.tb) if Path(frame.filename).parent == folder]
    assert (Path(frames[-1].filename).name, frames[-1].lineno) == (
        truth.get("crash_file", "script.py"),
        truth["crash_line"],
    )


@of_kind("crash", "silent")
def test_the_repaired_program_is_right(folder: Path) -> None:
    namespace, printed = run(folder / "fixed.py", warn="error")
    assert printed.strip()
    prove(folder, namespace)


@of_kind("clean")
def test_the_clean_program_is_right(folder: Path) -> None:
    namespace, printed = run(folder / "script.py", warn="error")
    assert printed.strip()
    prove(folder, namespace)


@of_kind("silent")
def test_the_silent_mistake_runs_and_is_caught_by_the_oracle(folder: Path) -> None:
    namespace, _ = run(folder / "script.py")
    with pytest.raises(AssertionError):
        prove(folder, namespace)


def edited(folder: Path, edits: list[list[str]], into: Path) -> Path:
    """Copy the case's programs and apply edits, each of whose old texts must occur exactly once."""
    for path in folder.glob("*.py"):
        (into / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    script = into / "script.py"
    text = script.read_text(encoding="utf-8")
    for old, new in edits:
        assert text.count(old) == 1
        text = text.replace(old, new)
    script.write_text(text, encoding="utf-8")
    return script


def edits_called(key: str) -> Any:
    return pytest.mark.parametrize(
        ("folder", "edits"),
        [
            pytest.param(folder, variant["edits"], id=f"{folder.name}-{number}")
            for folder in FOLDERS
            for number, variant in enumerate(truth_of(folder).get(key, []), start=1)
        ],
    )


@edits_called("only_silences")
def test_the_oracle_rejects_an_edit_that_only_silences_the_error(
    folder: Path, edits: list[list[str]], tmp_path: Path
) -> None:
    namespace, _ = run(edited(folder, edits, tmp_path))
    with pytest.raises(AssertionError):
        prove(folder, namespace)


@edits_called("also_right")
def test_the_oracle_accepts_another_reasonable_repair(folder: Path, edits: list[list[str]], tmp_path: Path) -> None:
    namespace, _ = run(edited(folder, edits, tmp_path), warn="error")
    prove(folder, namespace)


@of_kind("crash", "silent")
def test_the_repair_is_made_at_a_stated_cause(folder: Path) -> None:
    truth = truth_of(folder)
    name = truth.get("cause_file", "script.py")
    repaired = "fixed.py" if name == "script.py" else f"{Path(name).stem}_fixed.py"
    before = (folder / name).read_text(encoding="utf-8").splitlines()
    after = (folder / repaired).read_text(encoding="utf-8").splitlines()
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    touched = {
        number
        for tag, start, end, _, _ in matcher.get_opcodes()
        if tag != "equal"
        for number in range(start + 1, max(end, start + 1) + 1)
    }
    assert touched & set(truth["cause_lines"])


def test_the_corpus_covers_what_people_get_wrong() -> None:
    truths = [truth_of(folder) for folder in FOLDERS]
    seen = {code for truth in truths for code in truth.get("codes", [])}
    assert seen >= COVERED
    assert {truth["layout"] for truth in truths} == {"batch-first", "features-first", "single-sample"}
    assert sum(truth["kind"] != "clean" for truth in truths) >= 30
    assert sum(truth["kind"] == "clean" for truth in truths) >= 8
