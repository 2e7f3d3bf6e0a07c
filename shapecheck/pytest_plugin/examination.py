"""The process in which a failed test is run again and explained; the tests' own process only waits for it."""

from __future__ import annotations

import json
import os
import pickle
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shapecheck.pytest_plugin.failure import Failure
from shapecheck.trace.run import Program

if TYPE_CHECKING:
    from shapecheck.diagnose.finding import Diagnosis

# How much of the time is left to the second run, and how much to the search for a repair.
_RUN_SHARE = 0.4
_SEARCH_SHARE = 0.5
# Guesses that are shown side by side.
_MOST_FIXES = 3


@dataclass(frozen=True)
class Examination:
    """What is to be explained.

    Attributes:
        program: The second run.
        failure: What the first run died of: only the same is explained.
        seconds: How long it may take altogether.
        width: Columns of the text.
        trials: Whether edited copies may be run.
    """

    program: Program
    failure: Failure
    seconds: float
    width: int
    trials: bool = True


@dataclass(frozen=True)
class Explanation:
    """What came of it.

    Attributes:
        text: The report, as `python -m shapecheck diagnose` writes it; empty where there is nothing to say.
        remark: One line on why there is none; empty where there is nothing to remark either.
        diagnosis: The report as plain data, in the format of `--format json`.
        from_frames: Say what the traceback alone tells, for no second run can tell more.
    """

    text: str = ""
    remark: str = ""
    diagnosis: dict[str, Any] | None = None
    from_frames: bool = False


def examine(order: Examination) -> Explanation:
    """Run the test again, and explain what it dies of."""
    # Heavy: the pipeline with all that it stands on.
    from shapecheck.pipeline import Request, diagnose_script
    from shapecheck.report.json import render_json
    from shapecheck.report.terminal import render_terminal

    request = Request(
        script=order.program.script,
        program=order.program,
        timeout=order.seconds * _RUN_SHARE,
        trials=order.trials,
        search_seconds=order.seconds * _SEARCH_SHARE,
    )
    diagnosis = diagnose_script(request)
    remark = _difference(diagnosis, order)
    if remark or not any(not f.code.startswith("SC9") for f in diagnosis.findings):
        return Explanation(remark=remark, from_frames=bool(remark))
    text = render_terminal(_shortened(diagnosis), width=order.width)
    # The last lines are for whoever can run the command again with other options.
    body, _, _ = text.rstrip("\n").rpartition("\n\n")
    more = f"more about it: python -m shapecheck explain {diagnosis.findings[0].code}"
    return Explanation(f"{body}\n\n{more}", diagnosis=json.loads(render_json(diagnosis)))


def _shortened(diagnosis: Diagnosis) -> Diagnosis:
    """Without the repairs that a report would only count."""
    findings = []
    for finding in diagnosis.findings:
        proven = bool(finding.fixes) and finding.fixes[0].confidence == "verified"
        findings.append(replace(finding, fixes=finding.fixes[: 1 if proven else _MOST_FIXES]))
    return replace(diagnosis, findings=tuple(findings))


def _difference(diagnosis: Diagnosis, order: Examination) -> str:
    """Why what the second run did is not what is to be explained; empty where it died of the same."""
    program = diagnosis.program
    if program.outcome == "timeout":
        return f"not traced: the second run had not ended after {order.seconds * _RUN_SHARE:.0f} s"
    if program.outcome == "finished":
        return "not traced: run again by itself, the test passed; it may depend on tests before it, or on chance"
    if program.exception is None:
        return "not traced: the second run ended before it could be looked at"
    name, message = program.exception
    if name == "Refused":
        return (
            f"not traced: a second run may change nothing outside itself, and this test would ({message}); "
            "`@pytest.mark.shapecheck(rerun=False)` spares the attempt"
        )
    failure = order.failure
    places = {(place.path, place.line) for place in failure.places}
    found = {(os.path.abspath(f.location.path), f.location.line) for f in diagnosis.findings}
    # What a gradient check says differs from one time to the next, for its directions are random; what an assertion
    # says is pytest's, whose rewriting is not on in the second run.
    says_the_same = message == failure.message or failure.is_about_gradients or name == "AssertionError"
    alike = says_the_same or not found or bool(found & places)
    if name != failure.exception or not alike:
        said = message.partition("\n")[0]
        return f"not traced: run again by itself, the test died of something else ({name}: {said[:200]})"
    return ""


def main() -> None:
    """Entry of the process: a pickled `Examination` on standard input, an `Explanation` in JSON on standard output."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    order: Examination = pickle.load(sys.stdin.buffer)
    with tempfile.TemporaryDirectory(prefix="shapecheck-") as folder:
        # All that the second run may write is in it, and goes with it.
        os.environ["TMPDIR"] = tempfile.tempdir = str(Path(folder).resolve())
        explanation = examine(order)
    json.dump(vars(explanation), answers)
    answers.close()
