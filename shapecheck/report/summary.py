"""The first and the last words of a report: the network that was seen, and what was found in it."""

from __future__ import annotations

import signal

from rich.text import Text

from shapecheck.diagnose.finding import Diagnosis, Finding, LayerSummary, NetworkSummary
from shapecheck.report.diff import best_fixes
from shapecheck.report.excerpt import printable
from shapecheck.report.source_text import shown_line, shown_path

Line = tuple[Text, int]
_MOST_LAYERS = 8
FOUND_NOTHING, FOUND, FAILED = 0, 1, 2
# Notes that say that the program, or a part of it, could not be looked at.
_UNSEEN = ("SC901", "SC902", "SC904")
_INTERRUPTED = ("KeyboardInterrupt",)
_OUT_OF_MEMORY = ("MemoryError", "_ArrayMemoryError")
_NOT_IMPORTED = ("ModuleNotFoundError", "ImportError")


def plural(count: int, one: str, many: str | None = None) -> str:
    """Count things in words: 1 error, 2 errors."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def header_lines(diagnosis: Diagnosis) -> list[Line]:
    """Name the script and the network as it was understood; each line with the indentation of its continuations."""
    script = printable(shown_path(diagnosis.script))
    head = Text.assemble(("shapecheck", "bold"), f": {script}")
    network = diagnosis.network
    if network is None or not network.layers:
        return [(head, 2)]
    head.append(f", {plural(len(network.layers), 'layer')}")
    if network.layout:
        head.append(f", {network.layout}")
    lines = [(head, 2)]
    lines += [(_layer(layer), 11) for layer in network.layers[:_MOST_LAYERS]]
    if len(network.layers) > _MOST_LAYERS:
        lines.append((Text(f"  ... and {len(network.layers) - _MOST_LAYERS} more"), 2))
    loss = _loss(network)
    if loss:
        lines.append((Text(loss), 8))
    return lines


def _layer(layer: LayerSummary) -> Text:
    parts = [
        f"{name} {tuple(int(size) for size in shape)}"
        for name, shape in zip(layer.parameters, layer.shapes, strict=False)
    ]
    if layer.activation:
        parts.append(layer.activation)
    return Text(printable(f"  layer {layer.index}: {', '.join(parts)}"))


def _loss(network: NetworkSummary) -> str:
    loss = network.loss
    if loss is None:
        return ""
    if loss.inferred:
        return printable(f"  loss: taken to be {loss.formula}")
    place = "" if loss.source is None else f", at {shown_line(loss.source)}"
    return printable(f"  loss: {loss.formula}{place}")


def closing_lines(diagnosis: Diagnosis, *, fixing: bool) -> list[Line]:
    """Say in sum what was found, what can be applied, and where the run was cut short."""
    lines: list[Line] = []
    if not about_the_program(diagnosis):
        nothing = _nothing(diagnosis)
        lines += [(nothing, 2)] if nothing else []
    cut_short = _cut_short(diagnosis)
    if cut_short:
        lines.append((Text(cut_short), 2))
    if diagnosis.findings:
        lines.append((_counts(diagnosis, fixing), 2))
        lines.append((Text(f"more about it: python -m shapecheck explain {diagnosis.findings[0].code}"), 2))
    return lines


def about_the_program(diagnosis: Diagnosis) -> list[Finding]:
    """The findings without those that only say what shapecheck could not do (SC9xx)."""
    return [finding for finding in diagnosis.findings if not finding.code.startswith("SC9")]


def _counts(diagnosis: Diagnosis, fixing: bool) -> Text:
    severities = [finding.severity for finding in diagnosis.findings]
    text = ", ".join(
        plural(severities.count(kind), kind) for kind in ("error", "warning", "note") if kind in severities
    )
    safe, _ = best_fixes(diagnosis, safe_only=True)
    best, _ = best_fixes(diagnosis)
    others = len(best) - len(safe)
    if safe:
        text += f"; {plural(len(safe), 'verified fix', 'verified fixes')}"
        if not fixing:
            text += f": run again with --fix to apply {'it' if len(safe) == 1 else 'them'}"
    if others > 0:
        text += f"; {plural(others, 'fix', 'fixes')} to look at first: --diff prints {'it' if others == 1 else 'them'}"
    return Text(text, style="bold")


def _nothing(diagnosis: Diagnosis) -> Text | None:
    program = diagnosis.program
    kind = _exception_name(diagnosis)
    if program.exception is not None and kind in _NOT_IMPORTED:
        advice = (
            ": install that into the Python that runs shapecheck, or install shapecheck into the one that has it"
            if kind == "ModuleNotFoundError"
            else ""
        )
        return Text(f"the program could not import what it needs ({printable(program.exception[1])}){advice}")
    if program.outcome == "exception" and kind not in (*_INTERRUPTED, *_OUT_OF_MEMORY):
        died = f"the program died of {printable(kind)}" if kind else "the program died"
        return Text(f"nothing to explain: {died}, and nothing wrong was seen with its shapes", style="bold")
    if diagnosis.status == "incomplete":
        # Of a run that ended well a finding says already why nothing could be looked at.
        return None if program.outcome == "finished" else Text("nothing found in the part that ran", style="bold")
    if program.exit_code:
        return Text(f"nothing to explain: the program ended itself with exit status {program.exit_code}", style="bold")
    ended = f"the program ran to its end in {program.seconds:.1f} s"
    if diagnosis.hurried:
        advice = "with SHAPECHECK_PATIENCE=5 in the environment the search takes up to five times as long"
        return Text(f"nothing found in the time that there was: {ended}; {advice}", style="bold")
    return Text(f"nothing found: {ended}", style="bold green")


def _cut_short(diagnosis: Diagnosis) -> str:
    """One sentence on why the run is only a part of the program, or nothing."""
    if diagnosis.status != "incomplete":
        return ""
    program = diagnosis.program
    kind = _exception_name(diagnosis)
    if program.outcome == "timeout":
        return (
            f"the program had not ended after {program.seconds:.0f} s and was stopped; only what ran until then was "
            "looked at: give it longer with --timeout SECONDS, or less to do"
        )
    if kind in _INTERRUPTED:
        return "the program was interrupted; only what ran until then was looked at"
    if kind in _OUT_OF_MEMORY:
        return (
            "the program ran out of memory; only what ran until then was looked at: give it more with --memory MIB, "
            "or less to do"
        )
    code = program.exit_code
    if code is not None and code < 0:
        return f"the program was killed by {_signal_name(-code)}; only what ran until then was looked at"
    if program.outcome == "exit":
        status = "" if code is None else f" with exit status {code}"
        return f"the program ended itself{status} before the recording was complete; only what was seen was looked at"
    if program.outcome == "finished" and not diagnosis.findings:
        return "the program could not be followed to its end"
    return ""


def _exception_name(diagnosis: Diagnosis) -> str:
    exception = diagnosis.program.exception
    return "" if exception is None else exception[0].rpartition(".")[2]


def _signal_name(number: int) -> str:
    try:
        name = signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
    return f"{name}, often the system's answer to a program that eats memory" if name == "SIGKILL" else name


def exit_status(diagnosis: Diagnosis) -> int:
    """The exit status of `diagnose`: 0 nothing found, 1 findings or a program that failed, 2 it could not be looked at.

    What shapecheck could not do (SC9xx) is no finding about the program, and a mere note on a clean one is none either.
    """
    own = about_the_program(diagnosis)
    if any(finding.severity != "note" for finding in own) or (own and diagnosis.status == "findings"):
        return FOUND
    program = diagnosis.program
    kind = _exception_name(diagnosis)
    if kind in (*_NOT_IMPORTED, *_INTERRUPTED, *_OUT_OF_MEMORY):
        return FAILED
    if program.outcome == "exception" and program.exception is not None:
        return FOUND
    unseen = any(finding.code in _UNSEEN for finding in diagnosis.findings)
    if unseen or diagnosis.status == "incomplete":
        return FAILED
    return FOUND if program.outcome == "exception" or program.exit_code else FOUND_NOTHING
