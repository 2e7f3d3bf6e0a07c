"""Silent mistakes made by a machine: `python tests/benchmarks/silent_mutants.py [--limit 320] [--seed 0] [-j 2]`.

Right programs (the clean cases, the repaired program of every other case, the training runs of the reference networks)
get one small mistake each in the backward pass or the update. Of those that still run to the end, `updates.py`, which
knows nothing of shapecheck, says what has become of the updates of the parameters, and the case's oracle whether the
program is wrong now. Each is then diagnosed as a person would, in a process of its own.

Printed is, for every kind of mistake, how often it was detected, placed and repaired; and how many alarms there were on
copies in which the edit changes nothing, or only the learning rate. `--out` keeps what was changed and what was said of
it, `--keep` the programs themselves, `--only` takes one kind of mistake, or several.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import functools
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from mutants import ROOT, SETS, Mutant, Program, Row, cases, diagnosed, imported, markdown, queues, rejected, times
from silent_mutations import KINDS
from updates import Updates, compared, parameter_sites, updates

# What an edit does: a mistake; the same program in effect; the same but for what is printed; another learning rate; too
# little to be called a mistake; other updates that the case's oracle does not mind, so that nothing is known.
WRONG, NOTHING, PRINTED, RESCALED, NEGLIGIBLE, ACCEPTED = (
    "wrong",
    "nothing changes",
    "only what is printed changes",
    "only the learning rate changes",
    "negligible",
    "changed, but the oracle accepts it",
)
# Oracles that take a step with a small rate cannot see these.
NEVER_RIGHT = {"stale weight"}
HARMLESS = (NOTHING, PRINTED, RESCALED, NEGLIGIBLE, ACCEPTED)
PACKAGE, LOCAL = "reference_nets", "nets"
# Not networks that train by themselves, or in need of data from outside.
LEFT_OUT = {"admissions", "activations", "losses", "regularisation", "optimizers"}


def networks() -> Iterator[Program]:
    """The training run of every reference network, as a script with a package of its own beside it."""
    source = ROOT / PACKAGE
    for path in sorted(source.glob("*.py")):
        text = path.read_text(encoding="utf-8")
        if path.stem in LEFT_OUT or not any(getattr(n, "name", "") == "run" for n in ast.parse(text).body):
            continue
        needed, new = {"__init__"}, [path.stem]
        while new:
            needed.add(name := new.pop())
            for module in imported((source / f"{name}.py").read_text(encoding="utf-8")):
                found = [module.removeprefix(f"{PACKAGE}.")] if module.startswith(f"{PACKAGE}.") else []
                if module == PACKAGE:
                    found = [p.stem for p in source.glob("*.py") if p.stem in (source / f"{name}.py").read_text()]
                new += [stem for stem in found if stem not in needed and (source / f"{stem}.py").exists()]
        files = {
            f"{LOCAL}/{stem}.py": (source / f"{stem}.py").read_text(encoding="utf-8").replace(PACKAGE, LOCAL)
            for stem in sorted(needed)
        }
        files["script.py"] = f"from {LOCAL}.{path.stem} import run\n\nfor progress in run():\n    print(progress)\n"
        yield Program(f"{LOCAL}-{path.stem}", files)


@functools.cache
def right_run(program: Program) -> tuple[Updates, list[str]] | None:
    """What the program itself does to its parameters; None where that cannot be seen."""
    found = updates(program, {})
    sites = [] if isinstance(found, str) else parameter_sites(found)
    return (found, sites) if sites and isinstance(found, Updates) else None


def effect(mutant: Mutant) -> str | None:
    """What the edit does; None if the mutant does not run to its end, or cannot be judged."""
    right = right_run(mutant.program)
    if right is None:
        return None
    found = updates(mutant.program, {mutant.mutation.path: mutant.text})
    if isinstance(found, str):
        return None
    match compared(mutant.program, right[0], found, right[1]):
        case "same":
            return NOTHING if found.printed == right[0].printed else PRINTED
        case "negligible":
            return NEGLIGIBLE
        case "rescaled":
            return RESCALED
    if mutant.program.oracle is None or mutant.mutation.kind in NEVER_RIGHT:
        return WRONG
    with tempfile.TemporaryDirectory() as tmp:
        mutant.write(Path(tmp))
        return WRONG if rejected(mutant.program, Path(tmp)) else ACCEPTED


def still_wrong(program: Program, folder: Path) -> str | None:
    """Why a repaired program is not right; None if its updates are the original's, or the oracle accepts it."""
    right = right_run(program)
    assert right is not None
    try:
        found = updates(program, {name: (folder / name).read_text(encoding="utf-8") for name in program.files})
    except SyntaxError:
        return "repaired program: no Python"
    if isinstance(found, str):
        return f"repaired program: {found}"
    verdict = compared(program, right[0], found, right[1])
    if verdict in {"same", "negligible", "rescaled"}:
        return None
    if program.oracle is None:
        return "repaired program: other updates than the original's"
    reason = rejected(program, folder)
    return None if reason is None else f"repaired program: {reason}"


def measured(mutant: Mutant, effect: str, keep: Path | None) -> Row:
    """Diagnose one mutant and judge what was said."""
    if keep is not None:
        keep.mkdir(parents=True)
        mutant.write(keep)
    with tempfile.TemporaryDirectory() as tmp:
        row = diagnosed(mutant, Path(tmp), lambda folder: still_wrong(mutant.program, folder))
    row |= {"effect": effect, "kept": str(keep) if keep else None}
    row["alarms"] = [finding for finding in row["findings"] if finding[1] != "note"]
    return row


@dataclass
class Share:
    """How many mutants of each kind are wrong so far, and how many edits of each sort were harmless."""

    limit: int
    harmless: int
    wrong: dict[str, int]
    other: Counter[str] = field(default_factory=Counter)

    @property
    def full(self) -> bool:
        return sum(self.wrong.values()) >= self.limit

    def takes(self, mutant: Mutant, found: str | None) -> bool:
        """Whether this one is to be diagnosed, and if so count it."""
        if found == WRONG and not self.full:
            self.wrong[mutant.mutation.kind] += 1
            return True
        if found in HARMLESS and self.other[found] < self.harmless:
            self.other[found] += 1
            return True
        return False


def rounds(waiting: dict[str, list[Mutant]], share: Share) -> Iterator[list[Mutant]]:
    """One mutant of every kind at a time, so that a run that is cut short has seen a fair part of all kinds."""
    most = -(-share.limit // len(waiting))
    turn = {kind: iter(queue) for kind, queue in waiting.items()}
    while turn and not share.full:
        batch = []
        for kind in [kind for kind in turn if share.wrong[kind] < most] or list(turn):
            mutant = next(turn[kind], None)
            if mutant is None:
                del turn[kind]
            else:
                batch.append(mutant)
        yield batch


def table(rows: list[Row]) -> str:
    """The wrong mutants by kind, then the alarms on the others, in Markdown."""
    head = ["mistake", "mutants", "detected", "changed line", "line right", "first fix verified", "first fix right"]
    out = [[*head, "verified, not right"]]
    for kind in [*KINDS, "all"]:
        some = [row for row in rows if row["effect"] == WRONG and kind in {row["kind"], "all"}]
        if some:
            counts = [sum(row[key] for row in some) for key in ("found", "first", "placed", "verified", "right")]
            false = sum(row["verified"] and not row["right"] for row in some)
            shown = [f"{count} ({100 * count / len(some):.0f} %)" if kind == "all" else str(count) for count in counts]
            out.append([kind, str(len(some)), *shown, str(false)])
    others = [["the edit", "mutants", "alarms"]]
    for found in HARMLESS:
        some = [row for row in rows if row["effect"] == found]
        if some:
            others.append([found, str(len(some)), str(sum(bool(row["alarms"]) for row in some))])
    return "\n\n".join([markdown(out), markdown(others), times(rows)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", type=Path, default=SETS, help="folders of cases")
    parser.add_argument("-j", "--jobs", type=int, default=1, help="processes at once")
    parser.add_argument("--limit", type=int, default=320, help="how many wrong mutants to diagnose")
    parser.add_argument("--harmless", type=int, help="how many of each harmless sort to diagnose (a tenth of --limit)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", action="append", choices=list(KINDS), help="this kind of mistake (repeatable)")
    parser.add_argument("--out", type=Path, help="write every mutant and what was said of it, as JSON")
    parser.add_argument("--keep", type=Path, help="a new folder for the mutated programs")
    options = parser.parse_args()
    found = [*cases(options.sets), *networks()]
    waiting = queues({kind: KINDS[kind] for kind in options.only or KINDS}, found, options.seed)
    total = sum(map(len, waiting.values()))
    harmless = options.limit // 10 if options.harmless is None else options.harmless
    share = Share(options.limit, harmless, dict.fromkeys(waiting, 0))
    rows: list[Row] = []
    with ProcessPoolExecutor(options.jobs) as pool, contextlib.suppress(KeyboardInterrupt):
        for batch in rounds(waiting, share):
            effects = pool.map(effect, batch)
            taken = [(m, e) for m, e in zip(batch, effects, strict=True) if e is not None and share.takes(m, e)]
            folders = [
                options.keep / f"{number:04}-{mutant.program.name}" if options.keep else None
                for number, (mutant, _) in enumerate(taken, start=len(rows))
            ]
            for row in pool.map(measured, [m for m, _ in taken], [e for _, e in taken], folders):
                rows.append(row)
                print(f"\r{len(rows)} diagnosed", end="", file=sys.stderr, flush=True)
                if options.out:
                    options.out.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    print(file=sys.stderr)
    if not rows:
        raise SystemExit("no mutant of these programs runs to its end and is wrong")
    print(f"{len(rows)} mutants of {len(found)} programs, out of {total} possible; seed {options.seed}\n")
    print(table(rows))


if __name__ == "__main__":
    main()
