"""Shape mistakes made by a machine: `python tests/benchmarks/shape_mutants.py [--limit 320] [--seed 0] [-j 2]`.

Right programs (the clean cases, and the repaired program of every other case) get one small mistake each. Those that
then die of a shape error are diagnosed, each in a process of its own. Printed is, for every kind of mistake, how often
the cause was found and the repair was right: by the case's own oracle, which knows nothing of shapecheck. Further
folders of cases are named as arguments. `--out` keeps every mutant, so that a miss can become a case.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import json
import os
import random
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from shape_mutations import KINDS, Mutation, mutations

ROOT = Path(__file__).resolve().parents[2]
SETS = [ROOT / "cases", ROOT.parent / "shared" / "cases"]
ORACLES = ("oracle.py", "clean_check.py")
ANSWERS = {*ORACLES, "fixed.py", "script.py", "case.toml", "truth.json", "__pycache__"}
PLAIN_SECONDS, DIAGNOSE_SECONDS, ORACLE_SECONDS = 15, 90, 30

# What NumPy, and Python on its arrays, say when a shape does not fit.
SHAPE_ERROR = re.compile(
    r"not aligned|broadcast|mismatch|core dimension|reshape array|dimension|out of bounds|\baxis\b|\baxes\b"
    r"|inhomogeneous|array element with a sequence|arrays can be converted|ambiguous|too many indices"
    r"|invalid index to scalar|numpy\.(float|int)\d+' object|len\(\) of unsized|iteration over a 0-d|'tuple'"
    r"|incompatible|\bshapes?\b"
)
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
    """A right program: its folder, which of its files is the script, and what can tell right from wrong."""

    folder: Path
    script: str
    oracle: Path
    files: dict[str, str] = field(compare=False, repr=False)  # what can be mutated: the script and its own modules

    @property
    def name(self) -> str:
        return self.folder.name

    def write(self, into: Path, changed: dict[str, str]) -> None:
        """Copy the program, without its answers, with some files in another version."""
        for item in self.folder.iterdir():
            if item.is_dir() and item.name not in ANSWERS:
                shutil.copytree(item, into / item.name)
            elif item.is_file() and item.name not in ANSWERS:
                shutil.copy(item, into / item.name)
        for name, text in {**self.files, **changed}.items():
            (into / name).write_text(text, encoding="utf-8")


def programs(sets: Iterable[Path]) -> Iterator[Program]:
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
        yield Program(folder, script, oracle, files)


def imported(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


Mutant = tuple[Program, Mutation]


def queues(found: list[Program], seed: int) -> dict[str, list[Mutant]]:
    """The mutants of each kind in the order in which they are tried: a round through all the programs, then another."""
    by_kind: dict[str, dict[str, list[Mutant]]] = {kind: defaultdict(list) for kind in KINDS}
    for program in found:
        trees = [ast.walk(ast.parse(text)) for text in program.files.values()]
        own = {node.name for tree in trees for node in tree if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        for path, text in program.files.items():
            for mutation in mutations(path, text, frozenset(own)):
                by_kind[mutation.kind][program.name].append((program, mutation))
    ordered: dict[str, list[Mutant]] = {}
    for kind, of_program in by_kind.items():
        rng = random.Random(f"{seed} {kind}")
        hands = [rng.sample(hand, len(hand)) for hand in of_program.values()]
        rng.shuffle(hands)
        ordered[kind] = [
            hand[turn] for turn in range(max(map(len, hands), default=0)) for hand in hands if turn < len(hand)
        ]
    return ordered


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1", "OPENBLAS_NUM_THREADS": "1"}


def run(command: list[str], folder: Path, seconds: float) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder; raises `subprocess.TimeoutExpired`."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def shape_error(mutant: Mutant) -> str | None:
    """What the mutant dies of in a plain run, if that is a shape error."""
    program, mutation = mutant
    with tempfile.TemporaryDirectory() as tmp:
        folder = Path(tmp)
        program.write(folder, {mutation.path: mutation.apply(program.files[mutation.path])})
        try:
            done = run(["script.py"], folder, PLAIN_SECONDS)
        except subprocess.TimeoutExpired:
            return None
    lines = done.stderr.strip().splitlines()
    if done.returncode != 1 or not lines or "Traceback" not in done.stderr:
        return None
    source = next((line for line in reversed(lines) if line.startswith("    ") and set(line) - set(" ^~")), "")
    if lines[-1].startswith("AssertionError"):
        return lines[-1] if "shape" in source else None
    if lines[-1].startswith("AttributeError") and "numpy." not in lines[-1]:
        return None  # something that is no array was asked for its shape
    return lines[-1] if SHAPE_ERROR.search(lines[-1]) else None


def measured(mutant: Mutant, error: str) -> Row:
    """Diagnose one mutant and judge what was said."""
    program, mutation = mutant
    original = program.files[mutation.path]
    text = mutation.apply(original)
    lines = mutation.lines(original)
    row: Row = {
        "kind": mutation.kind,
        "case": program.name,
        "script": program.script,
        "file": mutation.path,
        "lines": list(lines),
        "was": [original.splitlines()[n - 1] for n in lines if n <= len(original.splitlines())],
        "is": [text.splitlines()[n - 1] for n in lines],
        "error": error,
    }
    row |= {"found": False, "first": False, "three": False, "verified": False, "right": False, "why_not": None}
    with tempfile.TemporaryDirectory() as tmp:
        folder = Path(tmp)
        program.write(folder, {mutation.path: text})
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
        if findings:
            judge(row, findings[0], program, mutation, folder)
        elif row["why_not"] is None:
            row["why_not"] = "nothing found"
    return row


def judge(row: Row, finding: Row, program: Program, mutation: Mutation, folder: Path) -> None:
    cause, fixes = finding["cause"], finding["fixes"][:3]
    here = set(row["lines"])
    touched = {(Path(e["path"]).name, n) for fix in fixes for e in fix["edits"] for n in spanned(e)}
    touched.add((Path(cause["path"]).name, cause["line"]))
    row |= {
        "found": True,
        "code": finding["code"],
        "cause": [Path(cause["path"]).name, cause["line"], cause["source"]],
        "first": Path(cause["path"]).name == mutation.path and cause["line"] in here,
        "three": any((mutation.path, line) in touched for line in here),
    }
    if not fixes:
        row["why_not"] = "no repair"
        return
    row["fix"] = {key: fixes[0][key] for key in ("title", "confidence", "edits")}
    row["evidence"] = fixes[0]["evidence"].get("summary")
    row["verified"] = fixes[0]["confidence"] == "verified"
    row["why_not"] = wrong(program, mutation, fixes[0]["edits"], folder)
    row["right"] = row["why_not"] is None


def spanned(edit: Row) -> range:
    return range(edit["line"], edit["end_line"] + 1)


def wrong(program: Program, mutation: Mutation, edits: list[Row], folder: Path) -> str | None:
    """Why the repaired program is not right; None if it is."""
    for name in {Path(edit["path"]).name for edit in edits}:
        file = folder / name
        text = edited(file.read_text(encoding="utf-8"), [edit for edit in edits if Path(edit["path"]).name == name])
        file.write_text(text, encoding="utf-8")
    with contextlib.suppress(SyntaxError):
        if all(
            ast.dump(ast.parse((folder / name).read_text(encoding="utf-8"))) == ast.dump(ast.parse(text))
            for name, text in program.files.items()
        ):
            return None
    try:
        done = run(["-c", RUN_AND_CHECK, str(folder / "script.py"), str(program.oracle)], folder, ORACLE_SECONDS)
    except subprocess.TimeoutExpired:
        return "repaired program: no end in time"
    if done.returncode == 0:
        return None
    return "repaired program: " + (done.stderr.strip().splitlines() or ["?"])[-1][:200]


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


def crashing(pool: ProcessPoolExecutor, waiting: dict[str, list[Mutant]], limit: int) -> list[tuple[Mutant, str]]:
    """The first `limit` mutants that die of a shape error, as evenly spread over the kinds as these allow."""
    share, kept = -(-limit // len(waiting)), dict.fromkeys(waiting, 0)
    dying: list[tuple[Mutant, str]] = []
    turn = {kind: iter(queue) for kind, queue in waiting.items()}
    while len(dying) < limit and turn:
        behind = [kind for kind in turn if kept[kind] < share] or list(turn)
        batch = []
        for kind in behind:
            mutant = next(turn[kind], None)
            if mutant is None:
                del turn[kind]
            else:
                batch.append(mutant)
        for mutant, error in zip(batch, pool.map(shape_error, batch), strict=True):
            if error is not None:
                dying.append((mutant, error))
                kept[mutant[1].kind] += 1
        print(f"\r{len(dying)} mutants that die of a shape error", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return dying[:limit]


def table(rows: list[Row]) -> str:
    """The rows summed up, in Markdown."""
    head = ["mistake", "mutants", "found", "cause line, first", "in first three", "fix verified", "fix right"]
    out = [[*head, "verified, not right"], ["---"] + ["---:"] * len(head)]
    for kind in [*KINDS, "all"]:
        some = [row for row in rows if kind in {row["kind"], "all"}]
        if some:
            counts = [sum(row[key] for row in some) for key in ("found", "first", "three", "verified", "right")]
            false = sum(row["verified"] and not row["right"] for row in some)
            shown = [f"{count} ({100 * count / len(some):.0f} %)" if kind == "all" else str(count) for count in counts]
            out.append([kind, str(len(some)), *shown, str(false)])
    lines = ["| " + " | ".join(line) + " |" for line in out]
    for key, what in (("seconds", "Seconds"), ("cpu_seconds", "Processor seconds")):
        times = sorted(row[key] for row in rows)
        high = times[min(len(times) - 1, int(0.95 * len(times)))]
        lines += ["", f"{what} of one diagnosis: median {statistics.median(times):.1f}, 95 % within {high:.1f}."]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", type=Path, default=SETS, help="folders of cases")
    parser.add_argument("-j", "--jobs", type=int, default=1, help="processes at once")
    parser.add_argument("--limit", type=int, default=320, help="how many mutants to diagnose")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="write every mutant and what was said of it, as JSON")
    options = parser.parse_args()
    found = list(programs(options.sets))
    waiting = queues(found, options.seed)
    total = sum(map(len, waiting.values()))
    with ProcessPoolExecutor(options.jobs) as pool:
        dying = crashing(pool, waiting, options.limit)
        random.Random(options.seed).shuffle(dying)  # so that an interrupted run has seen a fair part of all kinds
        rows: list[Row] = []
        with contextlib.suppress(KeyboardInterrupt):
            for row in pool.map(measured, [mutant for mutant, _ in dying], [error for _, error in dying]):
                rows.append(row)
                print(f"\r{len(rows)} of {len(dying)} diagnosed", end="", file=sys.stderr, flush=True)
                if options.out:
                    options.out.write_text(json.dumps(rows, indent=1), encoding="utf-8")
        pool.shutdown(cancel_futures=True)
    print(file=sys.stderr)
    if not rows:
        raise SystemExit("no mutant of these programs dies of a shape error")
    print(f"{len(rows)} mutants of {len(found)} programs, out of {total} possible; seed {options.seed}\n")
    print(table(rows))


if __name__ == "__main__":
    main()
