"""Every worked case runs recorded as it runs plain: output, traceback, warnings, random state, arrays bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
# The worked cases beside the repository, where they are there, and our own that stand alone in one file.
PROGRAMS = [
    path
    for folder in (ROOT.parent / "shared" / "cases", ROOT / "cases")
    for name in ("script.py", "fixed.py")
    for path in sorted(folder.glob(f"*/{name}"))
    if not any(other.name not in {"script.py", "fixed.py", "oracle.py"} for other in path.parent.glob("*.py"))
]


@pytest.mark.parametrize("path", PROGRAMS, ids=[f"{p.parent.name}-{p.stem}" for p in PROGRAMS])
def test_a_case_does_not_notice(path: Path, both: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    text = path.read_text(encoding="utf-8")
    for guard in ('if __name__ == "__main__":', "if __name__ == '__main__':"):
        text = text.replace(guard, "if True:")
    runs = both(text)
    assert runs.recorded.output == runs.plain.output
    assert runs.recorded.trouble == runs.plain.trouble
    assert runs.recorded.chance == runs.plain.chance
    assert runs.recorded.warned == runs.plain.warned
    assert runs.recorded.names.keys() == runs.plain.names.keys()
    for name, value in runs.plain.names.items():
        if isinstance(value, np.ndarray) and value.dtype != object:
            other = runs.recorded.names[name]
            assert other.dtype == value.dtype
            assert other.tobytes() == value.tobytes()
