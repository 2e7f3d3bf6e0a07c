"""The fixed JSON schema, key by key, and values that JSON does not have."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shapecheck.diagnose.finding import (
    Diagnosis,
    Finding,
    Fix,
    LayerSummary,
    LossSummary,
    NetworkSummary,
    Operand,
    ProgramOutcome,
    TrailStep,
)
from shapecheck.report.json import plain, render_json


@pytest.fixture
def diagnosis(program) -> Diagnosis:
    source = program("誤差 = a @ b\nW = b\n")
    span = source.span("a @ b")
    finding = Finding(
        "SC101",
        "error",
        "a title",
        "a message",
        span,
        source.span("b", nth=1),
        1,
        ("W1",),
        (Operand("a", (np.int64(2), 3), (3, 2), source.span("a")), Operand("b", (), None)),
        (TrailStep(source.span("W"), "a note"),),
        (Fix("transpose it", "verified", (source.edit("a", "a.T"),), "runs", {"gradients": {"W1": np.float64(1e-9)}}),),
    )
    network = NetworkSummary(
        "batch-first",
        LossSummary(span, "the mean", inferred=False),
        (LayerSummary(1, ("W1", "b1"), ((2, 3), (3,)), None),),
    )
    outcome = ProgramOutcome("exception", ("ValueError", "not aligned"), 0.5, 1)
    return Diagnosis("script.py", "findings", outcome, network, (finding,))


def test_schema(diagnosis: Diagnosis):
    span = {"path": "script.py", "line": 1, "column": 6, "end_line": 1, "end_column": 11, "source": "a @ b"}
    assert json.loads(render_json(diagnosis)) == {
        "schema_version": 1,
        "script": "script.py",
        "status": "findings",
        "program": {
            "outcome": "exception",
            "exception": {"type": "ValueError", "message": "not aligned"},
            "seconds": 0.5,
        },
        "network": {
            "layout": "batch-first",
            "loss": {"source": span, "formula": "the mean", "inferred": False},
            "layers": [{"index": 1, "parameters": ["W1", "b1"], "shapes": [[2, 3], [3]], "activation": None}],
        },
        "findings": [
            {
                "code": "SC101",
                "severity": "error",
                "title": "a title",
                "message": "a message",
                "location": span,
                "cause": {"path": "script.py", "line": 2, "column": 5, "end_line": 2, "end_column": 6, "source": "b"},
                "layer": 1,
                "parameters": ["W1"],
                "operands": [
                    {"source": "a", "shape": [2, 3], "expected": [3, 2]},
                    {"source": "b", "shape": [], "expected": None},
                ],
                "trail": [
                    {
                        "span": {
                            "path": "script.py",
                            "line": 2,
                            "column": 1,
                            "end_line": 2,
                            "end_column": 2,
                            "source": "W",
                        },
                        "note": "a note",
                    }
                ],
                "fixes": [
                    {
                        "title": "transpose it",
                        "confidence": "verified",
                        "evidence": {"summary": "runs", "gradients": {"W1": 1e-9}},
                        "edits": [
                            {
                                "path": "script.py",
                                "line": 1,
                                "column": 6,
                                "end_line": 1,
                                "end_column": 7,
                                "replacement": "a.T",
                            }
                        ],
                    }
                ],
            }
        ],
    }


def test_documented(diagnosis: Diagnosis):
    documented = (Path(__file__).parents[2] / "docs" / "report.md").read_text(encoding="utf-8")
    schema = documented.partition("```text\n")[2].partition("```")[0]

    def keys(value: Any) -> set[str]:
        if isinstance(value, list):
            return set().union(*map(keys, value))
        if not isinstance(value, dict):
            return set()
        own = set(value)
        return own.union(*(keys(item) for key, item in value.items() if key != "evidence"))

    assert set(re.findall(r'"(\w+)":', schema)) == keys(json.loads(render_json(diagnosis)))


def test_nothing_found():
    clean = Diagnosis("script.py", "clean", ProgramOutcome("finished", None, 0.25), None, ())
    assert json.loads(render_json(clean)) == {
        "schema_version": 1,
        "script": "script.py",
        "status": "clean",
        "program": {"outcome": "finished", "exception": None, "seconds": 0.25},
        "network": None,
        "findings": [],
    }


def test_ascii_only(diagnosis: Diagnosis):
    assert render_json(diagnosis).isascii()


#        id            value                              JSON
VALUES: list[tuple[str, Any, Any]] = [
    ("nan", float("nan"), None),
    ("infinity", {"error": np.inf}, {"error": None}),
    ("array", np.array([[1.5, np.nan]]), [[1.5, None]]),
    ("numpy bool", np.True_, True),
    ("numpy int", np.int32(3), 3),
    ("tuple and set", (1, {2}), [1, [2]]),
    ("other keys", {1: "a", None: "b"}, {"1": "a", "None": "b"}),
    ("anything else", complex(1, 2), "(1+2j)"),
]


@pytest.mark.parametrize(("value", "expected"), [case[1:] for case in VALUES], ids=[case[0] for case in VALUES])
def test_plain(value: Any, expected: Any):
    assert plain(value) == expected
    json.dumps(plain(value), allow_nan=False)


def test_sarif(diagnosis: Diagnosis):
    from shapecheck.report.sarif import render_sarif

    log = json.loads(render_sarif(diagnosis))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["SC101"]
    assert run["invocations"] == [{"executionSuccessful": True}]
    (result,) = run["results"]
    assert (result["ruleId"], result["ruleIndex"], result["level"]) == ("SC101", 0, "error")
    (location,) = result["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "script.py"},
        "region": {"startLine": 1, "startColumn": 6, "endLine": 1, "endColumn": 11, "snippet": {"text": "a @ b"}},
    }
    assert [related["message"]["text"] for related in result["relatedLocations"]] == ["it began here", "a note"]
    (change,) = result["fixes"][0]["artifactChanges"]
    (replacement,) = change["replacements"]
    assert replacement["insertedContent"] == {"text": "a.T"}
    assert replacement["deletedRegion"]["startColumn"] == 6


def test_sarif_escapes_paths_and_says_what_was_cut_short(program):
    from shapecheck.report.sarif import render_sarif

    source = program("a\n", "my script é.py")
    finding = Finding("SC902", "note", "slow", "", source.span("a"), source.span("a"))
    cut = Diagnosis(source.path, "incomplete", ProgramOutcome("timeout", None, 60.0), None, (finding,))
    run = json.loads(render_sarif(cut))["runs"][0]
    assert run["invocations"][0]["executionSuccessful"] is False
    uri = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "my%20script%20%C3%A9.py"
