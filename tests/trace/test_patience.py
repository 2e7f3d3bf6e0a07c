"""How long a diagnosis may look is stretched by the environment, and by nothing that is no number."""

from __future__ import annotations

import pytest

from shapecheck.trace.patience import patient


@pytest.mark.parametrize(("said", "seconds"), [(None, 4.0), ("3", 12.0), ("0.5", 2.0), ("much", 4.0), ("-1", 0.0)])
def test_seconds_are_stretched(monkeypatch, said, seconds):
    monkeypatch.delenv("SHAPECHECK_PATIENCE", raising=False)
    if said is not None:
        monkeypatch.setenv("SHAPECHECK_PATIENCE", said)
    assert patient(4.0) == seconds
