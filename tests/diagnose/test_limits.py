"""What could not be done is said: repairs that could not be tried."""

from __future__ import annotations

from pathlib import Path

import pytest

from shapecheck import pipeline
from shapecheck.repair.trial import Trials


def test_a_dead_trial_process_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "crash.py"
    script.write_text("import numpy as np\nC = np.ones((4, 3)) @ np.ones((5, 2))\n")
    started = Trials.prepare

    def prepare(self: Trials, modules: list[str]) -> None:
        started(self, modules)
        self.close()

    monkeypatch.setattr(Trials, "prepare", prepare)
    monkeypatch.setattr(Trials, "run", lambda self, attempts: [])
    findings = pipeline.diagnose_script(pipeline.Request(str(script))).findings
    assert [f.code for f in findings] == ["SC101", "SC903"]
    assert findings[1].severity == "note"


def test_without_trials_there_is_a_finding_and_no_fix(tmp_path: Path) -> None:
    script = tmp_path / "crash.py"
    script.write_text("import numpy as np\nC = np.ones((4, 3)) @ np.ones((5, 2))\n")
    (finding,) = pipeline.diagnose_script(pipeline.Request(str(script), trials=False)).findings
    assert finding.code == "SC101"
    assert finding.fixes == ()
