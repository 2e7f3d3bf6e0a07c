"""Right gradients that are lost or doubled on their way into a parameter, as findings."""

from __future__ import annotations

import warnings

import numpy as np

from shapecheck.diagnose.applied import SecondUpdate, Truncation, second_updates, truncations
from shapecheck.diagnose.finding import Finding, Span, TrailStep
from shapecheck.gradients.replay import Replay
from shapecheck.network.parameters import find_parameters
from shapecheck.trace.child import Trace
from shapecheck.trace.sites import Site


def lost_updates(trace: Trace) -> list[Finding]:
    """Fractions that an integer array cuts off, and entries that one step moves twice."""
    tape = trace.head
    parameters = find_parameters(tape)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        replay = Replay(tape)
        found = [_truncated(trace, t) for t in truncations(replay, parameters)]
        found += [_doubled(trace, s) for s in second_updates(replay, parameters)]
    return [finding for finding in found if finding is not None]


def _span(site: Site) -> Span:
    return Span(site.path, site.line, site.column, site.end_line, site.end_column, site.text)


def _truncated(trace: Trace, truncation: Truncation) -> Finding | None:
    tape = trace.head
    store = tape.sites[truncation.site]
    birth = tape.site_of(truncation.birth) or store
    if store.path not in trace.sources or birth.path not in trace.sources:
        return None
    name = birth.bound_to or " ".join(birth.text.split())
    dtype = tape.values[truncation.birth].dtype
    return Finding(
        code="SC405",
        severity="error" if truncation.parameters else "warning",
        title=f"`{name}` holds integers, and cuts off what is stored in it",
        message=f"it was made with the type {dtype}, so every number put into it loses its fractional part; make it "
        "with dtype=float",
        location=_span(store),
        cause=_span(birth),
        parameters=truncation.parameters,
    )


def _doubled(trace: Trace, second: SecondUpdate) -> Finding | None:
    tape = trace.head
    site = tape.sites[second.site]
    if site.path not in trace.sources:
        return None
    first = tape.operations[second.first].site
    trail = (TrailStep(_span(tape.sites[first]), "moved here first"),) if first is not None else ()
    return Finding(
        code="SC406",
        severity="error",
        title=f"this moves `{second.parameter}` a second time in one step",
        message=f"{second.entries} of its {second.size} entries were moved by the same amount already",
        location=_span(site),
        cause=_span(site),
        parameters=(second.parameter,),
        trail=trail,
    )
