"""What `docs/gradcheck.md` shows is what is printed, up to digits that rounding makes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "gradcheck.md").read_text(encoding="utf-8")


def blurred(text: str) -> list[str]:
    text = re.sub(r"  help .*?\n\n", "\n", text, flags=re.DOTALL)  # a search for the edit that has seconds to find it
    return [" ".join(re.sub(r"\d\.?\d*e-\d+", "#", line).split()) for line in text.splitlines()]


def test_the_wrong_network_is_reported_as_the_page_shows(tmp_path):
    ((name, program),) = re.findall(r"<!-- file: (\S+) -->\n\n```python\n(.*?)```\n", PAGE, re.DOTALL)
    (shown,) = re.findall(r"<!-- run: .*? -->\n\n```text\n(.*?)```\n", PAGE, re.DOTALL)
    (tmp_path / name).write_text(program)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, name], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=True
    )
    assert blurred(done.stdout) == blurred(shown)
    assert done.stderr == ""
