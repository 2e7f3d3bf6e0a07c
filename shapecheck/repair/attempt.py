"""One trial: runs an edited program in a forked process that can touch nothing, and judges what it did."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from dataclasses import dataclass, field

from shapecheck.diagnose.course import Course
from shapecheck.diagnose.training import remains
from shapecheck.gradients.agreement import agreement
from shapecheck.gradients.followed import Agreement
from shapecheck.gradients.readied import readied
from shapecheck.network.broadcasts import outer_broadcasts
from shapecheck.repair.audition import Audition, Heard, hear
from shapecheck.repair.beginning import Beginning
from shapecheck.repair.probe import Probe, gets_past
from shapecheck.repair.whereabouts import Lookout, Sighting, look_out
from shapecheck.repair.witness import Witness, witness
from shapecheck.trace.build import build_tape
from shapecheck.trace.child import Trace, trace_of
from shapecheck.trace.failure import Failure
from shapecheck.trace.generators import GeneratorStates, restore_generators
from shapecheck.trace.isolation import Guard, Refused
from shapecheck.trace.recorder import Limits
from shapecheck.trace.run import Program, Recording, execute
from shapecheck.trace.starting import UnrunnableError

_MOST_NUMBERS = 500_000


@dataclass(frozen=True)
class Attempt:
    """What a trial is to run.

    Attributes:
        program: With the edited files' texts in `replaced`.
        seconds: Time limit.
        window_events: The recorder's window; the run stops when it is full, if `stop`.
        stop: Whether the run may stop as soon as enough has been seen.
        folder: The working directory.
        stdin: What the program was given on standard input.
        beyond: Bring the trace back (shapes only) where the program dies after so many events: the place where a
            second edit belongs.
        judge: Hold the updates against numeric gradients.
        meant: The formula of the loss that they have to follow, where that is known.
        probe: Look first, without recording, whether the program gets past the place where it died; only then is it
            run recorded.
        audition: Evaluate rewritings of an expression in place, and nothing else.
        lookout: See where arrays can be reached by name, and nothing else.
        generators: What the global random generators start from, where the same numbers are to be drawn again.
        recheck: Code of a mistake of the training loop to look for again.
        beginning: What the program computed before its first update, where no edit may change that.
    """

    program: Program
    seconds: float
    window_events: int
    stop: bool
    folder: str
    stdin: bytes = b""
    memory_bytes: int | None = None
    beyond: int | None = None
    judge: bool = True
    meant: str = ""
    probe: Probe | None = None
    audition: Audition | None = None
    lookout: Lookout | None = None
    generators: GeneratorStates | None = None
    recheck: str = ""
    beginning: Beginning | None = None


@dataclass
class AttemptOutcome:
    """What came of a trial.

    Attributes:
        ended: As in `Recording`, or `refused` when the program tried to touch the world, or `syntax`, or `no further`
            and `past` for what a probe saw, `heard` for an audition, `seen` for a lookout.
        events: How many events it recorded before it ended.
        agreement: Of its updates with numeric gradients; None where that was not asked for.
        broadcasts: Where both operands of an operation grew without being meant to: (line, text).
        checked: Names of the parameters whose gradients the program itself has held against numeric ones, and found
            right; of a test that passed.
        asserts: Whether what ran is a test that makes assertions; it passed if it finished.
        remains: Whether the mistake that was to be looked for is still found.
        differs: Whether it computed other things before its first update than the program that was given.
    """

    ended: str
    events: int = 0
    failure: Failure | None = None
    agreement: Agreement | None = None
    broadcasts: list[tuple[int, str]] = field(default_factory=list)
    trace: Trace | None = None
    witness: Witness = field(default_factory=Witness)
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    heard: Heard | None = None
    seen: dict[int, Sighting] = field(default_factory=dict)
    checked: tuple[str, ...] = ()
    asserts: bool = False
    remains: bool = False
    differs: bool = False


def _enclose(order: Attempt, folder: str) -> None:
    """Cut the process off from the terminal, and bound what it can use."""
    import resource

    stdin_path = os.path.join(folder, "stdin")
    with open(stdin_path, "wb") as file:
        file.write(order.stdin)
    descriptor = os.open(stdin_path, os.O_RDONLY)
    os.dup2(descriptor, 0)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    # They live as long as the process does.
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    seconds = int(order.seconds) + 2
    resource.setrlimit(resource.RLIMIT_CPU, (seconds * 4, seconds * 4))
    if order.memory_bytes is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (order.memory_bytes, order.memory_bytes))
    os.environ["MPLBACKEND"] = "Agg"
    os.environ["MPLCONFIGDIR"] = os.environ["TMPDIR"] = tempfile.tempdir = folder
    os.chdir(order.folder)


def attempt(order: Attempt) -> AttemptOutcome:
    """Run the edited program and judge it; to be called in a process of its own, which it spoils."""
    import warnings

    folder = tempfile.mkdtemp(prefix="shapecheck-trial-")
    guard = Guard(folder)
    try:
        _enclose(order, folder)
        warnings.simplefilter("ignore")
        sys.dont_write_bytecode = True
        guard.install()
        try:
            if order.generators is not None:
                restore_generators(order.generators)
            if order.audition is not None:
                return AttemptOutcome("heard", heard=hear(order.program, order.audition))
            if order.lookout is not None:
                return AttemptOutcome("seen", seen=look_out(order.program, order.lookout))
            if order.probe is not None:
                return _probed(order, order.probe, guard)
            limits = Limits()
            limits.window_events = order.window_events
            recording = execute(order.program, limits=limits, stop_at_window_end=order.stop)
        except (SyntaxError, OSError, UnrunnableError, Refused) as error:
            return AttemptOutcome("syntax", notes=[str(error)])
        finally:
            guard.armed = False
        return _judged(order, recording, guard)
    finally:
        guard.armed = False
        shutil.rmtree(folder, ignore_errors=True)


def _probed(order: Attempt, probe: Probe, guard: Guard) -> AttemptOutcome:
    try:
        past = gets_past(order.program, probe)
    except Refused:
        past = True
    finally:
        guard.armed = False
    return AttemptOutcome("past" if past else "no further")


def _judged(order: Attempt, recording: Recording, guard: Guard) -> AttemptOutcome:
    outcome = AttemptOutcome(str(recording.ended), failure=recording.failure, seconds=recording.seconds)
    if guard.refused:
        outcome.ended = "refused"
        outcome.notes.append(guard.refused)
    recorder = recording.recorder
    outcome.checked = tuple(recorder.testimony.get("checked", ()))
    outcome.asserts = bool(recorder.testimony.get("asserts"))
    outcome.events = len(recorder.window) + len(recorder.ring)
    if outcome.ended == "exception":
        if order.beyond is not None and outcome.events > order.beyond:
            outcome.trace = trace_of(recording)
            _lighten(outcome.trace)
        return outcome
    if order.judge and outcome.ended in {"finished", "stopped", "exit", "refused"}:
        tape = build_tape(recorder.window, recorder.sites, recording.files, values=True)
        tape = readied(tape).tape
        outcome.agreement = agreement(tape, meant=order.meant, later=True)
        outcome.witness = witness(tape)
        sites = [tape.operations[b.operation].site for b in outer_broadcasts(tape) if not b.deliberate]
        outcome.broadcasts = [(tape.sites[s].line, tape.sites[s].text) for s in sites if s is not None]
        if order.beginning is not None:
            outcome.differs = order.beginning.differs(tape, whole=outcome.ended in {"finished", "exit"})
        if order.recheck:
            outcome.remains = remains(Course(trace_of(recording, tape), verdict=outcome.agreement), order.recheck)
    return outcome


def _lighten(trace: Trace) -> None:
    """Leave out the arrays of a trace that is too large to hand over."""
    if sum(value.size for value in trace.head.values) > _MOST_NUMBERS:
        for value in trace.head.values:
            value.array = None
