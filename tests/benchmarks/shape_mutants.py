"""Shape mistakes made by a machine: `python tests/benchmarks/shape_mutants.py [--limit 320] [--seed 0] [-j 2]`.

Right programs (the clean cases, and the repaired program of every other case) get one small mistake each. Those that
then die of a shape error are diagnosed, each in a process of its own. Printed is, for every kind of mistake, how often
the cause was found and the repair was right: by the case's own oracle, which knows nothing of shapecheck. Further
folders of cases are named as arguments. `--out` keeps every mutant, so that a miss can become a case.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from mutants import PLAIN_SECONDS, SETS, Mutant, Row, cases, diagnosed, markdown, queues, rejected, run, times
from shape_mutations import KINDS

# What NumPy, and Python on its arrays, say when a shape does not fit.
SHAPE_ERROR = re.compile(
    r"not aligned|broadcast|mismatch|core dimension|reshape array|dimension|out of bounds|\baxis\b|\baxes\b"
    r"|inhomogeneous|array element with a sequence|arrays can be converted|ambiguous|too many indices"
    r"|invalid index to scalar|numpy\.(float|int)\d+' object|len\(\) of unsized|iteration over a 0-d|'tuple'"
    r"|incompatible|\bshapes?\b"
)


def shape_error(mutant: Mutant) -> str | None:
    """What the mutant dies of in a plain run, if that is a shape error."""
    with tempfile.TemporaryDirectory() as tmp:
        mutant.write(Path(tmp))
        try:
            done = run(["script.py"], Path(tmp), PLAIN_SECONDS)
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
    with tempfile.TemporaryDirectory() as tmp:
        return {**diagnosed(mutant, Path(tmp), lambda folder: rejected(mutant.program, folder)), "error": error}


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
                kept[mutant.mutation.kind] += 1
        print(f"\r{len(dying)} mutants that die of a shape error", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return dying[:limit]


def table(rows: list[Row]) -> str:
    """The rows summed up, in Markdown."""
    head = ["mistake", "mutants", "found", "cause line, first", "in first three", "fix verified", "fix right"]
    out = [[*head, "verified, not right"]]
    for kind in [*KINDS, "all"]:
        some = [row for row in rows if kind in {row["kind"], "all"}]
        if some:
            counts = [sum(row[key] for row in some) for key in ("found", "first", "three", "verified", "right")]
            false = sum(row["verified"] and not row["right"] for row in some)
            shown = [f"{count} ({100 * count / len(some):.0f} %)" if kind == "all" else str(count) for count in counts]
            out.append([kind, str(len(some)), *shown, str(false)])
    return markdown(out) + "\n\n" + times(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", type=Path, default=SETS, help="folders of cases")
    parser.add_argument("-j", "--jobs", type=int, default=1, help="processes at once")
    parser.add_argument("--limit", type=int, default=320, help="how many mutants to diagnose")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="write every mutant and what was said of it, as JSON")
    options = parser.parse_args()
    found = list(cases(options.sets))
    waiting = queues(KINDS, found, options.seed)
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
