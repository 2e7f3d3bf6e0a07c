"""What shapecheck could not do, and why: runs cut short, programs without arrays."""

from __future__ import annotations

from shapecheck.diagnose.finding import Finding, Span
from shapecheck.trace.child import Trace
from shapecheck.trace.process import Run


def _whole(script: str, trace: Trace | None) -> Span:
    """The script as a place: where its last recorded operation was, or its first line."""
    if trace is not None:
        tape = trace.tail or trace.head
        for operation in reversed(tape.operations):
            site = tape.sites[operation.site] if operation.site is not None else None
            if site is not None:
                return Span(site.path, site.line, site.column, site.end_line, site.end_column, site.text)
        for path, source in trace.sources.items():
            line = source.lines[0].rstrip("\n")
            return Span(path, 1, 1, 1, len(line) + 1, line)
    return Span(script, 1, 1, 1, 1, "")


def cut_short(script: str, run: Run, trace: Trace | None) -> Finding:
    """The run did not come to its own end."""
    place = _whole(script, trace)
    ended = trace.ended if trace is not None else ""
    if ended == "timeout" or run.killed == "timeout":
        title = "the program was stopped when its time was up"
        message = "what it did until then was looked at; give it more with --timeout SECONDS, or less to do"
        return Finding("SC902", "note", title, message, place, place)
    if ended == "interrupted":
        title, message = "the program was interrupted", "what it did until then was looked at"
    elif ended == "memory":
        title = "the program ran out of memory"
        message = "give it more with --memory MIB, or less data; what it did until then was looked at"
    else:
        title = "the program ended before anything of its run could be kept"
        reason = f"signal {-run.exit_code}" if run.exit_code < 0 else f"exit status {run.exit_code}"
        message = f"it was ended by {reason}; run it without shapecheck to see whether it ends so by itself"
    return Finding("SC904", "note", title, message, place, place)


def trials_impossible(finding: Finding) -> Finding:
    """A repair of this finding could not be looked for."""
    title = "repairs could not be tried"
    message = (
        "edited copies of the program are run in forked processes, and these could not be made or did not answer; the "
        "finding stands, without an edit that was proven"
    )
    return Finding("SC903", "note", title, message, finding.location, finding.location)


def nothing_traced(script: str, trace: Trace) -> Finding:
    """The program ran, and nothing in it was an array."""
    place = _whole(script, trace)
    title = "no array operation was seen"
    message = "the program finished without one in its own files; is this the script that trains the network?"
    return Finding("SC901", "note", title, message, place, place)
