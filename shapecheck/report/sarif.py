"""The diagnosis as SARIF 2.1.0, the format that code hosts and editors read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from shapecheck import __version__
from shapecheck.diagnose.codes import CODES
from shapecheck.diagnose.finding import Diagnosis, Edit, Finding, Fix, Span
from shapecheck.report.diff import edits_by_file
from shapecheck.report.source_text import shown_path

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render_sarif(diagnosis: Diagnosis) -> str:
    """Write the diagnosis as one SARIF log with one run; ASCII, one final newline.

    Source:
        OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0.
    """
    codes = list(dict.fromkeys(finding.code for finding in diagnosis.findings))
    run = {
        "tool": {
            "driver": {
                "name": "shapecheck",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": [_rule(code) for code in codes],
            }
        },
        "invocations": [_invocation(diagnosis)],
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, codes.index(finding.code)) for finding in diagnosis.findings],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(code: str) -> dict[str, Any]:
    rule: dict[str, Any] = {"id": code, "help": {"text": f"python -m shapecheck explain {code}"}}
    if code in CODES:
        rule["shortDescription"] = {"text": CODES[code].title}
        rule["defaultConfiguration"] = {"level": CODES[code].severity}
    return rule


def _invocation(diagnosis: Diagnosis) -> dict[str, Any]:
    """How shapecheck itself fared: a program that dies is what it looks at, not a failure of the tool."""
    invocation: dict[str, Any] = {"executionSuccessful": diagnosis.status != "incomplete"}
    if diagnosis.status == "incomplete":
        text = f"the program was not followed to its end ({diagnosis.program.outcome})"
        invocation["toolExecutionNotifications"] = [{"level": "warning", "message": {"text": text}}]
    return invocation


def _result(finding: Finding, index: int) -> dict[str, Any]:
    text = f"{finding.title}. {finding.message}" if finding.message else finding.title
    related = [_location(finding.cause, "it began here")] if finding.cause != finding.location else []
    related += [_location(step.span, step.note) for step in finding.trail]
    for number, location in enumerate(related, start=1):
        location["id"] = number
    result: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": finding.severity,
        "message": {"text": text},
        "locations": [_location(finding.location)],
        "relatedLocations": related,
    }
    if any(fix.edits and fix.edits[0].cell is None for fix in finding.fixes):
        result["fixes"] = [_fix(fix) for fix in finding.fixes if fix.edits and fix.edits[0].cell is None]
    return result


def _location(span: Span, note: str = "") -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(span.path)}}
    location: dict[str, Any] = {"physicalLocation": physical}
    if span.cell is not None:
        # Lines of a cell are no lines of the file.
        name = f"cell {span.cell}, line {span.line}"
        location["logicalLocations"] = [{"name": name, "kind": "member", "decoratedName": span.source}]
    elif span.line >= 1:
        physical["region"] = {**_region(span), "snippet": {"text": span.source}}
    if note:
        location["message"] = {"text": note}
    return location


def _region(place: Span | Edit) -> dict[str, int]:
    return {
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
    }


def _fix(fix: Fix) -> dict[str, Any]:
    description = f"{fix.title} ({fix.confidence}: {fix.summary})" if fix.summary else f"{fix.title} ({fix.confidence})"
    changes = [
        {
            "artifactLocation": {"uri": _uri(path)},
            "replacements": [
                {"deletedRegion": _region(edit), "insertedContent": {"text": edit.replacement}} for edit in edits
            ],
        }
        for (path, _), edits in edits_by_file(fix.edits).items()
    ]
    return {"description": {"text": description}, "artifactChanges": changes}


def _uri(path: str) -> str:
    shown = Path(shown_path(path))
    return shown.as_uri() if shown.is_absolute() else quote(shown.as_posix())
