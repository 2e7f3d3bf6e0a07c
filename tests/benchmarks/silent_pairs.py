"""Silent mistakes made by people: `python tests/benchmarks/silent_pairs.py FOLDERS [-j 2] [--out FILE]`.

Every folder is one pair: `script.py` has a mistake, `fixed.py` is right, `truth.json` names the lines of the mistake
("root_lines"). The wrong program is diagnosed as a person would, in a process of its own; with `--right` the right one
is as well, and whatever is said of it with the severity of an error or a warning is an alarm.

A first fix is right where it makes the right program, or one that takes the same steps up to one factor, prints the
same, or passes the pair's `oracle.py`, where there is one.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from mutants import DIAGNOSE_SECONDS, PLAIN_SECONDS, Mutant, Program, Row, diagnosed, markdown, rejected, run, times
from mutation import Mutation
from silent_mutants import right_run, still_wrong

NUMBER = re.compile(r"-?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?")


def paired(folder: Path) -> Mutant:
    """The pair as a right program with one mistake, which may be spread over the file."""
    right, wrong = ((folder / name).read_text(encoding="utf-8") for name in ("fixed.py", "script.py"))
    oracle = folder / "oracle.py"
    program = Program(folder.name, {"script.py": right}, folder, oracle if oracle.exists() else None)
    return Mutant(program, Mutation("pair", "script.py", 0, len(right), wrong))


def printed(text: str, folder: Path) -> str | None:
    """What a program prints; None if it does not run to its end."""
    (folder / "script.py").write_text(text, encoding="utf-8")
    try:
        done = run(["script.py"], folder, PLAIN_SECONDS)
    except subprocess.TimeoutExpired:
        return None
    return done.stdout if done.returncode == 0 else None


def prints_alike(one: str | None, other: str | None) -> bool:
    """Whether both print something, and the same but for rounding."""
    if not one or not other or NUMBER.sub("#", one) != NUMBER.sub("#", other):
        return False
    numbers = [[float(n) for n in NUMBER.findall(text)] for text in (one, other)]
    return bool(numbers[0]) and np.allclose(*numbers, rtol=1e-6, atol=1e-9)


def reason(pair: Mutant, folder: Path) -> str | None:
    """Why the repaired program in the folder is not right; None if it is."""
    program = pair.program
    why: str | None = "repaired program: the steps of the right one cannot be seen"
    if right_run(program) is not None:
        why = still_wrong(program, folder)
    elif program.oracle is not None:
        why = rejected(program, folder)
    if why is None:
        return None
    texts = [program.files["script.py"], (folder / "script.py").read_text(encoding="utf-8")]
    with tempfile.TemporaryDirectory() as tmp:
        return None if prints_alike(*(printed(text, Path(tmp)) for text in texts)) else why


def measured(folder: Path, also_right: bool) -> Row:
    """Diagnose one pair and judge what was said."""
    pair = paired(folder)
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as tmp:
        row = diagnosed(pair, Path(tmp), lambda mended: reason(pair, mended))
    roots = set(truth["root_lines"])
    cause = row.get("cause")
    row |= {"case": folder.name, "lines": sorted(roots), "kind": truth.get("kind", "pair"), "alarms": []}
    row["first"] = bool(cause) and cause[0] == "script.py" and cause[1] in roots
    row["placed"] = row["first"] or row["placed"]
    if also_right:
        row["alarms"] = alarms(pair.program)
    return row


def alarms(program: Program) -> list[list[str]]:
    """The errors and warnings that are told of the right program."""
    with tempfile.TemporaryDirectory() as tmp:
        program.write(Path(tmp), {})
        try:
            done = run(["-m", "shapecheck", "diagnose", "--format", "json", "script.py"], Path(tmp), DIAGNOSE_SECONDS)
            findings = json.loads(done.stdout)["findings"]
        except (subprocess.TimeoutExpired, ValueError, KeyError) as error:
            return [["", "error", f"no diagnosis: {type(error).__name__}"]]
    return [[f["code"], f["severity"], f["title"]] for f in findings if f["severity"] != "note"]


def line(row: Row) -> str:
    """One pair: found, placed, verified, right."""
    marks = "".join(
        letter if row[key] else "."
        for key, letter in zip(("found", "placed", "verified", "right"), "FPVR", strict=True)
    )
    said = f"{row.get('code', '')} {row['cause'][1] if row.get('cause') else ''}"
    why = (row["why_not"] or "")[:90]
    told = f"  ALARM {row['alarms']}" if row["alarms"] else ""
    return f"{marks} {row['seconds']:5.1f}s  {row['case'][:44]:44} {said:10} of {row['lines']}  {why}{told}"


def table(rows: list[Row]) -> str:
    keys = ("found", "placed", "verified", "right")
    shares = [f"{100 * sum(bool(row[key]) for row in rows) / len(rows):.0f} %" for key in keys]
    false = sum(row["verified"] and not row["right"] for row in rows)
    head = ["programs", "found", "cause line", "first fix verified", "first fix right", "verified, not right", "alarms"]
    told = sum(bool(row["alarms"]) for row in rows)
    return "\n\n".join([markdown([head, [str(len(rows)), *shares, str(false), str(told)]]), times(rows)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, help="one folder a pair")
    parser.add_argument("-j", "--jobs", type=int, default=1, help="processes at once")
    parser.add_argument("--right", action="store_true", help="diagnose the right programs, too")
    parser.add_argument("--out", type=Path, help="write what was said of every pair, as JSON")
    options = parser.parse_args()
    rows: list[Row] = []
    with ProcessPoolExecutor(options.jobs) as pool:
        for row in pool.map(partial(measured, also_right=options.right), options.folders):
            rows.append(row)
            print(line(row), flush=True)
            if options.out:
                options.out.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    print("\n" + table(rows))


if __name__ == "__main__":
    main()
