"""What the pytest plugin costs a session that has nothing to do with it: `pytest --collect-only` on an empty folder.

Run it with `python tests/benchmarks/pytest_startup.py`. Runs with and without the plugin take turns, and medians of
processor time are compared, so that what else the machine does falls on both, and on neither much.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

REPEATS = 15
PASSING = "import pytest\n\n@pytest.mark.parametrize('n', range({count}))\ndef test_passes(n):\n    assert n >= 0\n"
COUNT = 2000


def seconds(folder: str, *options: str) -> float:
    """Processor time of one session."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compared(folder: str, *options: str, repeats: int = REPEATS) -> tuple[float, float]:
    """Median seconds (without the plugin, with it)."""
    without, having = [], []
    for _ in range(repeats):
        without.append(seconds(folder, *options, "-p", "no:shapecheck"))
        having.append(seconds(folder, *options))
    return statistics.median(without), statistics.median(having)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "pytest.ini").write_text("[pytest]\n")
        seconds(folder, "--collect-only")  # the compiled files are written
        without, having = compared(folder, "--collect-only")
        print("an empty folder, --collect-only, ms")
        print(f"  without the plugin  {1e3 * without:7.1f}")
        print(f"  with it             {1e3 * having:7.1f}")
        print(f"  difference          {1e3 * (having - without):7.1f}")
        (Path(folder) / "test_passing.py").write_text(PASSING.format(count=COUNT))
        without, having = compared(folder, repeats=5)
        print(f"{COUNT} tests that pass, microseconds each")
        print(f"  without the plugin  {1e6 * without / COUNT:7.1f}")
        print(f"  with it             {1e6 * having / COUNT:7.1f}")


if __name__ == "__main__":
    main()
