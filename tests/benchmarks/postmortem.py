"""Frames against recordings: `python tests/benchmarks/postmortem.py [--limit 200] [--seed 0]`.

Programs that die of a shape error that a machine put in (as in `shape_mutants.py`) are looked at twice: recorded, and
from the frames of their traceback alone. Printed is how often both say the same code, place and operands, how often the
frames say less, and every time that they say something else.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from mutants import SETS, Mutant, cases, queues
from shape_mutants import shape_error
from shape_mutations import KINDS

BOTH_DOORS = Path(__file__).parents[1] / "postmortem" / "both_doors.py"


def compared(mutant: Mutant) -> tuple[str, str]:
    """How the two views of one mutant differ, and what they are where they do."""
    with tempfile.TemporaryDirectory() as folder:
        mutant.write(Path(folder))
        done = subprocess.run(
            [sys.executable, str(BOTH_DOORS)], cwd=folder, capture_output=True, text=True, timeout=120, check=False
        )
    if done.returncode != 0:
        return "failed", done.stderr[-500:]
    recorded, read = json.loads(done.stdout.splitlines()[-1])
    shown = f"{mutant.described()}\n  recorded {recorded}\n  frames   {read}"
    if recorded == read:
        return "nothing, both" if read is None else "the same", ""
    if read is None:
        return "nothing from the frames", shown
    if recorded is None or recorded[:6] != read[:6] or [o for o in read[6] if o not in recorded[6]]:
        return "something else", shown
    return "fewer operands", ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    turns = [iter(queue) for queue in queues(KINDS, list(cases(SETS)), options.seed).values()]
    count: Counter[str] = Counter()
    while turns and count.total() < options.limit:
        for turn in list(turns):
            mutant = next(turn, None)
            if mutant is None:
                turns.remove(turn)
            elif shape_error(mutant) is not None and count.total() < options.limit:
                kind, shown = compared(mutant)
                count[kind] += 1
                if shown:
                    print(f"{kind}: {shown}", flush=True)
    print(f"{count.total()} mutants: " + ", ".join(f"{kind} {n}" for kind, n in count.most_common()))


if __name__ == "__main__":
    main()
