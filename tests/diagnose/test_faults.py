"""A fault of ours while repairs are looked for costs no finding, and shows no traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from shapecheck import pipeline
from shapecheck.repair.search import Search


def test_a_fault_in_the_search_leaves_the_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Search) -> list[object]:
        raise ZeroDivisionError

    script = tmp_path / "crash.py"
    script.write_text("import numpy as np\nC = np.ones((4, 3)) @ np.ones((5, 2))\n")
    monkeypatch.setattr(Search, "run", fail)
    monkeypatch.delenv("SHAPECHECK_DEBUG", raising=False)
    findings = pipeline.diagnose_script(pipeline.Request(str(script))).findings
    assert [f.code for f in findings] == ["SC101", "SC903"]
