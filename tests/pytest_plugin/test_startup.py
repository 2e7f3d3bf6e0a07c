"""What a session pays that has nothing to do with shapes: nothing heavy is imported, and nothing looked at."""

from __future__ import annotations

import pytest

WATCHING = """\
import sys

HEAVY = ["numpy", "autograd", "rich", "click", "jaxtyping", "beartype", "shapecheck.pipeline", "shapecheck.trace"]

def pytest_unconfigure(config):
    print("loaded:", [name for name in HEAVY if name in sys.modules])
    print("ours:", sum(name.split(".")[0] == "shapecheck" for name in sys.modules))
"""


@pytest.mark.parametrize(
    ("test", "said"),
    [("", "no tests ran"), ("def test_it():\n    pass\n", "1 passed"), ("def test_it():\n    int('x')\n", "1 failed")],
    ids=["nothing to do", "passes", "fails of something else"],
)
def test_nothing_heavy_is_imported(project, test, said):
    run = project(test_it__py=test, conftest__py=WATCHING)
    # Other plugins that are installed may import what they like.
    done = run("-q", "-p", "shapecheck.pytest_plugin", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    assert said in done.text
    assert "loaded: []" in done.text
    assert int(done.text.rpartition("ours: ")[2].split()[0]) <= 4  # the package, the plugin, its settings and defaults
