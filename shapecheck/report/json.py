"""The diagnosis as JSON for editors and scripts; the schema is fixed and versioned."""

from __future__ import annotations

import json
import math
from typing import Any

from shapecheck.diagnose.finding import Diagnosis, Edit, Finding, Fix, NetworkSummary, Operand, Span

SCHEMA_VERSION = 1


def render_json(diagnosis: Diagnosis) -> str:
    """Write the diagnosis as one JSON object, schema version 1.

    Returns:
        Pure ASCII text (other characters are escaped, so any output encoding carries it), one final newline.
        Numbers that JSON does not have (NaN, infinities) are null.
    """
    return json.dumps(to_json(diagnosis), indent=2, allow_nan=False) + "\n"


def to_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """Build the JSON object of `--format json` from plain dicts, lists, strings and numbers."""
    program = diagnosis.program
    exception = program.exception
    return {
        "schema_version": SCHEMA_VERSION,
        "script": diagnosis.script,
        "status": diagnosis.status,
        "program": {
            "outcome": program.outcome,
            "exception": None if exception is None else {"type": exception[0], "message": exception[1]},
            "seconds": plain(program.seconds),
        },
        "network": None if diagnosis.network is None else _network(diagnosis.network),
        "findings": [_finding(finding) for finding in diagnosis.findings],
    }


def plain(value: Any) -> Any:
    """Turn evidence into what JSON has: NumPy scalars and arrays, tuples, sets and non-finite numbers included."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item) for item in value), key=str)
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    return str(value)


def _file(place: Span | Edit) -> dict[str, Any]:
    return {"path": place.path} if place.cell is None else {"path": place.path, "cell": place.cell}


def _span(span: Span) -> dict[str, Any]:
    return {
        **_file(span),
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
        "source": span.source,
    }


def _network(network: NetworkSummary) -> dict[str, Any]:
    loss = network.loss
    return {
        "layout": network.layout,
        "loss": None
        if loss is None
        else {
            "source": None if loss.source is None else _span(loss.source),
            "formula": loss.formula,
            "inferred": loss.inferred,
        },
        "layers": [
            {
                "index": layer.index,
                "parameters": list(layer.parameters),
                "shapes": [plain(shape) for shape in layer.shapes],
                "activation": layer.activation,
            }
            for layer in network.layers
        ],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "severity": finding.severity,
        "title": finding.title,
        "message": finding.message,
        "location": _span(finding.location),
        "cause": _span(finding.cause),
        "layer": finding.layer,
        "parameters": list(finding.parameters),
        "operands": [_operand(operand) for operand in finding.operands],
        "trail": [{"span": _span(step.span), "note": step.note} for step in finding.trail],
        "fixes": [_fix(fix) for fix in finding.fixes],
    }


def _operand(operand: Operand) -> dict[str, Any]:
    return {
        "source": operand.source,
        "shape": plain(operand.shape),
        "expected": None if operand.expected is None else plain(operand.expected),
    }


def _fix(fix: Fix) -> dict[str, Any]:
    evidence = plain(fix.evidence)
    if fix.summary:
        evidence = {"summary": fix.summary, **evidence}
    return {
        "title": fix.title,
        "confidence": fix.confidence,
        "evidence": evidence,
        "edits": [_edit(edit) for edit in fix.edits],
    }


def _edit(edit: Edit) -> dict[str, Any]:
    return {
        **_file(edit),
        "line": edit.line,
        "column": edit.column,
        "end_line": edit.end_line,
        "end_column": edit.end_column,
        "replacement": edit.replacement,
    }
