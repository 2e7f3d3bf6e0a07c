"""Right programs, copies of them with one small mistake, and what a diagnosis says of a copy: what benchmarks share."""

from __future__ import annotations

import ast
import contextlib
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mutation import Kinds, Mutation, mutations

ROOT = Path(__file__).resolve().parents[2]
SETS = [ROOT / "cases", ROOT.parent / "shared" / "cases"]
ORACLES = ("oracle.py", "clean_check.py")
ANSWERS = {*ORACLES, "fixed.py", "script.py", "case.toml", "truth.json", "__pycache__"}
PLAIN_SECONDS, DIAGNOSE_SECONDS, ORACLE_SECONDS = 15, 90, 30

ENVIRONMENT = {"PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1", "OPENBLAS_NUM_THREADS": "1"}
RUN_AND_CHECK = """
import contextlib, io, runpy, sys
script, oracle = sys.argv[1:3]
sys.argv = [script]
with contextlib.redirect_stdout(io.StringIO()):
    namespace = runpy.run_path(script, run_name="__main__")
    check = runpy.run_path(oracle)["check"]
    check(namespace)
"""
Row = dict[str, Any]


@dataclass(frozen=True)
class Program:
    """A right program: its files, what lies beside them, and what can tell right from wrong."""

    name: str
    files: dict[str, str] = field(compare=False, repr=False)  # what can be mutated: the script and its own modules
    folder: Path | None = None
    oracle: Path | None = None

    def write(self, into: Path, changed: dict[str, str]) -> None:
        """Copy the program, without its answers, with some files in another version."""
        for item in self.folder.iterdir() if self.folder else ():
            if item.is_dir() and item.name not in ANSWERS:
                shutil.copytree(item, into / item.name)
            elif item.is_file() and item.name not in ANSWERS:
                shutil.copy(item, into / item.name)
        for name, text in {**self.files, **changed}.items():
            (into / name).parent.mkdir(exist_ok=True)
            (into / name).write_text(text, encoding="utf-8")


def cases(sets: Iterable[Path]) -> Iterator[Program]:
    """The clean cases, and the repaired programs of the others."""
    for folder in sorted(path for directory in sets if directory.is_dir() for path in directory.iterdir()):
        script = "fixed.py" if (folder / "fixed.py").exists() else "script.py"
        oracle = next((folder / name for name in ORACLES if (folder / name).exists()), None)
        if oracle is None or (script == "script.py" and not folder.name.startswith("clean")):
            continue
        files = {"script.py": (folder / script).read_text(encoding="utf-8")}
        for name in imported(files["script.py"]):
            module = folder / f"{name}.py"
            if module.exists():
                files[module.name] = module.read_text(encoding="utf-8")
        yield Program(folder.name, files, folder, oracle)


def imported(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@dataclass(frozen=True)
class Mutant:
    """A program and the mistake made in it."""

    program: Program
    mutation: Mutation

    @property
    def original(self) -> str:
        return self.program.files[self.mutation.path]

    @property
    def text(self) -> str:
        return self.mutation.apply(self.original)

    def write(self, into: Path) -> None:
        self.program.write(into, {self.mutation.path: self.text})

    def described(self) -> Row:
        """What was changed, to be kept beside what is said of it."""
        lines = self.mutation.lines(self.original)
        old, new = self.original.splitlines(), self.text.splitlines()
        return {
            "kind": self.mutation.kind,
            "case": self.program.name,
            "file": self.mutation.path,
            "lines": list(lines),
            "was": [old[n - 1] for n in lines if n <= len(old)],
            "is": [new[n - 1] for n in lines if n <= len(new)],
        }


def queues(kinds: Kinds, found: list[Program], seed: int) -> dict[str, list[Mutant]]:
    """The mutants of each kind in the order in which they are tried: a round through all the programs, then another."""
    by_kind: dict[str, dict[str, list[Mutant]]] = {kind: defaultdict(list) for kind in kinds}
    for program in found:
        trees = [ast.walk(ast.parse(text)) for text in program.files.values()]
        own = {node.name for tree in trees for node in tree if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        for path, text in program.files.items():
            for mutation in mutations(kinds, path, text, frozenset(own)):
                by_kind[mutation.kind][program.name].append(Mutant(program, mutation))
    ordered: dict[str, list[Mutant]] = {}
    for kind, of_program in by_kind.items():
        rng = random.Random(f"{seed} {kind}")
        hands = [rng.sample(hand, len(hand)) for hand in of_program.values()]
        rng.shuffle(hands)
        ordered[kind] = [
            hand[turn] for turn in range(max(map(len, hands), default=0)) for hand in hands if turn < len(hand)
        ]
    return ordered


def run(
    command: list[str], folder: Path, seconds: float, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder; raises `subprocess.TimeoutExpired`."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONDONTWRITEBYTECODE": "1",
            "NO_COLOR": "1",
            "OPENBLAS_NUM_THREADS": "1",
            **(environment or {}),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


Wrong = Callable[[Path], str | None]


def diagnosed(mutant: Mutant, folder: Path, wrong: Wrong) -> Row:
    """Diagnose a mutant as a person would, and judge what is said first; `wrong` is asked of the repaired program."""
    row = mutant.described()
    row |= {
        "found": False,
        "first": False,
        "three": False,
        "verified": False,
        "right": False,
        "placed": False,
        "why_not": None,
    }
    mutant.write(folder)
    began, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        done = run(["-m", "shapecheck", "diagnose", "--format", "json", "script.py"], folder, DIAGNOSE_SECONDS)
        findings = json.loads(done.stdout)["findings"]
    except subprocess.TimeoutExpired:
        findings, row["why_not"] = [], "no diagnosis in time"
    except (ValueError, KeyError):
        findings, row["why_not"] = [], "no diagnosis: " + (done.stderr.strip().splitlines() or [""])[-1]
    row["seconds"] = time.perf_counter() - began
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    row["cpu_seconds"] = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    row["findings"] = [[finding["code"], finding["severity"], finding["title"]] for finding in findings]
    if findings:
        judge(row, findings[0], mutant, folder, wrong)
    elif row["why_not"] is None:
        row["why_not"] = "nothing found"
    return row


def judge(row: Row, finding: Row, mutant: Mutant, folder: Path, wrong: Wrong) -> None:
    cause, fixes = finding["cause"], finding["fixes"][:3]
    here, path = set(row["lines"]), mutant.mutation.path
    touched = {(within(e["path"], folder), n) for fix in fixes for e in fix["edits"] for n in spanned(e)}
    touched.add((within(cause["path"], folder), cause["line"]))
    row |= {
        "found": finding["severity"] != "note",
        "code": finding["code"],
        "said": finding["message"],
        "cause": [within(cause["path"], folder), cause["line"], cause["source"]],
        "first": within(cause["path"], folder) == path and not here.isdisjoint(list(spanned(cause))[:4]),
        "placed": False,
        "three": any((path, line) in touched for line in here),
    }
    if not fixes:
        row |= {"placed": row["first"], "why_not": "no repair"}
        return
    row["fix"] = {key: fixes[0][key] for key in ("title", "confidence", "edits")}
    row["evidence"] = fixes[0]["evidence"].get("summary")
    row["verified"] = fixes[0]["confidence"] == "verified"
    for name in {edit["path"] for edit in fixes[0]["edits"]}:
        file = folder / within(name, folder)
        edits = [edit for edit in fixes[0]["edits"] if edit["path"] == name]
        file.write_text(edited(file.read_text(encoding="utf-8"), edits), encoding="utf-8")
    row["why_not"] = None if restored(mutant.program, folder) else wrong(folder)
    row["right"] = row["why_not"] is None
    # An edit at the cause that makes the program right proves that the cause lies there as well.
    edits = [edit for edit in fixes[0]["edits"] if within(edit["path"], folder) == row["cause"][0]]
    row["placed"] = row["first"] or (row["right"] and any(row["cause"][1] in spanned(edit) for edit in edits))


def within(path: str, folder: Path) -> str:
    """A path in a report as the program's files are named: relative to its folder."""
    full = (folder / path).resolve()
    return full.relative_to(folder.resolve()).as_posix() if full.is_relative_to(folder.resolve()) else path


def spanned(span: Row) -> range:
    return range(span["line"], span["end_line"] + 1)


def edited(text: str, edits: list[Row]) -> str:
    """Apply edits whose lines and columns count from 1, ends exclusive."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for edit in sorted(edits, key=lambda e: (e["line"], e["column"]), reverse=True):
        start = starts[edit["line"] - 1] + edit["column"] - 1
        end = starts[edit["end_line"] - 1] + edit["end_column"] - 1
        text = text[:start] + edit["replacement"] + text[end:]
    return text


def restored(program: Program, folder: Path) -> bool:
    """Whether the files in the folder are the original program again."""
    with contextlib.suppress(SyntaxError):
        return all(
            ast.dump(ast.parse((folder / name).read_text(encoding="utf-8"))) == ast.dump(ast.parse(text))
            for name, text in program.files.items()
        )
    return False


def rejected(program: Program, folder: Path) -> str | None:
    """Why the case's oracle rejects the program in the folder; None if it accepts it."""
    try:
        done = run(["-c", RUN_AND_CHECK, str(folder / "script.py"), str(program.oracle)], folder, ORACLE_SECONDS)
    except subprocess.TimeoutExpired:
        return "no end in time"
    return None if done.returncode == 0 else (done.stderr.strip().splitlines() or ["?"])[-1][:200]


def markdown(lines: list[list[str]]) -> str:
    """A table: the first line is its head, the first column text, all others numbers."""
    rule = ["---"] + ["---:"] * (len(lines[0]) - 1)
    return "\n".join("| " + " | ".join(line) + " |" for line in [lines[0], rule, *lines[1:]])


def times(rows: list[Row]) -> str:
    """How long the diagnoses took, by the clock and by the processor."""
    out = []
    for key, what in (("seconds", "Seconds"), ("cpu_seconds", "Processor seconds")):
        took = sorted(row[key] for row in rows)
        high = took[min(len(took) - 1, int(0.95 * len(took)))]
        out.append(f"{what} of one diagnosis: median {statistics.median(took):.1f}, 95 % within {high:.1f}.")
    return "\n\n".join(out)
