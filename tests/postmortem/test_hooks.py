"""install() in real processes: scripts, threads, prompts; what Python does by itself stays as it is."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NET = """\
import numpy as np


class Net:
    def __init__(self):
        self.W = np.ones((4, 3))

    def backward(self, delta):
        return np.dot(delta, self.W.T)


def train(net, target, output):
    error = 2 * (target - output) / len(output)
    return net.backward(error)


"""
CRASH = "train(Net(), np.ones(1), np.ones(2))\n"
SAID = """\

error[SC101]: this matrix product does not fit
  --> net.py:9:16
   |
 9 |         return np.dot(delta, self.W.T)
   |                       ^^^^^  ^^^^^^^^
   |                       (2,)   (3, 4)
   |   `delta` is (2,), `self.W.T` is (3, 4): the last axis of the first has 2
   |   entries, the axis it meets has 3
   |
   = net.py:13: `target` (1,) against `output` (2,) is broadcast to (2,)
13 |     error = 2 * (target - output) / len(output)
   |                  ^^^^^^^^^^^^^^^
   = net.py:14: handed to `backward`, where `delta` is (2,)
14 |     return net.backward(error)
   |                         ^^^^^
where it began, and what to change: python -m shapecheck diagnose net.py --epochs 3
"""


def environment(**extra: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in {"COLUMNS", "FORCE_COLOR", "SHAPECHECK", "PYTHONSTARTUP"}}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", **extra}


def python(folder: Path, *arguments: str, stdin: str = "", **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment(**extra),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def run(folder: Path, text: str, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    (folder / "net.py").write_text(text)
    return python(folder, "net.py", *arguments, **extra)


def installing(text: str) -> str:
    """The program with install() on a line that it had already, so that no line moves."""
    return text.replace("import numpy as np\n", "import numpy as np; import shapecheck; shapecheck.install()\n", 1)


def test_an_uncaught_shape_error_is_explained_below_its_traceback(tmp_path: Path) -> None:
    plain = run(tmp_path, NET + CRASH)
    explained = run(tmp_path, installing(NET + CRASH), "--epochs", "3")
    assert plain.returncode == explained.returncode == 1
    assert explained.stdout == plain.stdout == ""
    assert explained.stderr == plain.stderr + SAID


def test_the_variable_switches_it_on_for_a_whole_process(tmp_path: Path) -> None:
    plain = run(tmp_path, NET + CRASH)
    explained = run(tmp_path, NET + CRASH, "--epochs", "3", SHAPECHECK="install")
    assert explained.stderr == plain.stderr + SAID
    assert run(tmp_path, NET + CRASH, SHAPECHECK="on").stderr == plain.stderr


OTHERS = [
    ("another exception", "{}['x']\n"),
    ("a name", "unknown\n"),
    ("exit", "import sys\nsys.exit(3)\n"),
    ("nothing", "print('fine')\n"),
    ("a value error of the user's", "raise ValueError('shapes of things to come')\n"),
    ("one that replaces the shape error", "try:\n    np.ones(3) @ np.ones(2)\nexcept ValueError:\n    raise OSError\n"),
]


@pytest.mark.parametrize("end", [o[1] for o in OTHERS], ids=[o[0] for o in OTHERS])
def test_everything_else_is_as_without_it(tmp_path: Path, end: str) -> None:
    plain = run(tmp_path, NET + end)
    explained = run(tmp_path, installing(NET + end))
    assert (explained.returncode, explained.stdout) == (plain.returncode, plain.stdout)
    assert explained.stderr.replace("; import shapecheck; shapecheck.install()", "") == plain.stderr


def test_threads(tmp_path: Path) -> None:
    end = "import threading\nthread = threading.Thread(target=train, args=(Net(), np.ones(1), np.ones(2)))\n"
    plain = run(tmp_path, NET + end + "thread.start(); thread.join(); print('after')\n")
    explained = run(tmp_path, installing(NET + end + "thread.start(); thread.join(); print('after')\n"))
    assert (explained.returncode, explained.stdout) == (0, "after\n")
    assert explained.stderr.startswith(plain.stderr)
    assert "error[SC101]" in explained.stderr
    assert "Exception in thread" in plain.stderr


IS_PYTHONS = "print(sys.excepthook is sys.__excepthook__, t.excepthook is t.__excepthook__)\n"
CHAINS = [
    (
        "a hook that was there is called first",
        "import sys; sys.excepthook = lambda *a: print('mine', a[0].__name__)\nshapecheck.install()\n" + CRASH,
        (1, "mine ValueError\n", 1),
    ),
    (
        "one that hands on to ours, and install() again",
        "import sys; ours = sys.excepthook\ndef mine(*a): print('mine'); ours(*a)\nsys.excepthook = mine\n"
        "shapecheck.install()\n" + CRASH,
        (1, "mine\n", 1),
    ),
    ("twice is once", "shapecheck.install()\nshapecheck.install()\n" + CRASH, (1, "", 1)),
    ("switched off", "shapecheck.uninstall()\n" + CRASH, (1, "", 0)),
    ("off and on", "shapecheck.uninstall()\nshapecheck.install()\n" + CRASH, (1, "", 1)),
    (
        "put back exactly",
        "import sys, threading as t\nprint(sys.excepthook is sys.__excepthook__)\nshapecheck.uninstall()\n"
        + IS_PYTHONS,
        (0, "False\nTrue True\n", 0),
    ),
    (
        "a hook on top of ours stays",
        "import sys; ours = sys.excepthook\ndef mine(*a): print('mine'); ours(*a)\nsys.excepthook = mine\n"
        "shapecheck.uninstall()\nprint(sys.excepthook is mine)\n" + CRASH,
        (1, "True\nmine\n", 0),
    ),
    (
        "after Python's own was put back",
        "import sys; sys.excepthook = sys.__excepthook__\nshapecheck.install()\n" + CRASH,
        (1, "", 1),
    ),
]


@pytest.mark.parametrize(("end", "ends"), [c[1:] for c in CHAINS], ids=[c[0] for c in CHAINS])
def test_hooks_of_others(tmp_path: Path, end: str, ends: tuple[int, str, int]) -> None:
    done = run(tmp_path, installing(NET) + end)
    assert (done.returncode, done.stdout, done.stderr.count("error[SC101]")) == ends


FAULTS = [
    ("in reading", "import shapecheck.postmortem.explanation as e\ndef explain(*a, **k): 1 / 0\ne.explain = explain\n"),
    ("in writing", "import shapecheck.postmortem.explanation as e\ne.as_text = None\n"),
    (
        "an interrupt",
        "import shapecheck.postmortem.explanation as e\ndef f(*a): raise KeyboardInterrupt\ne.explain = f\n",
    ),
    ("no rich", "import sys\nsys.modules['rich'] = None\n"),
    ("no standard error", "import sys\nsys.stderr = None\n"),
]


@pytest.mark.parametrize("fault", [f[1] for f in FAULTS], ids=[f[0] for f in FAULTS])
def test_a_fault_of_ours_says_nothing(tmp_path: Path, fault: str) -> None:
    done = run(tmp_path, installing(NET) + fault + CRASH)
    assert done.returncode == 1
    if "stderr" in fault:
        assert done.stderr == ""
    else:
        assert done.stderr.startswith("Traceback (most recent call last):\n")
        assert done.stderr.endswith("\nValueError: shapes (2,) and (3,4) not aligned: 2 (dim 0) != 3 (dim 0)\n")


def test_a_fault_of_ours_can_be_asked_for(tmp_path: Path) -> None:
    done = run(tmp_path, installing(NET) + FAULTS[0][1] + CRASH, SHAPECHECK_DEBUG="1")
    assert done.stderr.splitlines()[-1] == "shapecheck could not explain this: ZeroDivisionError: division by zero"


def test_an_unimportable_numpy_is_no_concern(tmp_path: Path) -> None:
    done = run(
        tmp_path, "import shapecheck, sys; shapecheck.install()\nprint('numpy' in sys.modules)\nraise ValueError\n"
    )
    assert done.stdout == "False\n"
    assert done.stderr.splitlines()[-1] == "ValueError"


# -- prompts ----------------------------------------------------------------------------------------------------------

CONSOLE = """\
import code, sys
import numpy as np
if sys.argv[1:]: import shapecheck; shapecheck.install()
lines = iter(["A = np.ones((2, 3))", "A @ A", "print('after')"])
def read(prompt=""):
    try: return next(lines)
    except StopIteration: raise EOFError from None
code.interact(readfunc=read, local={"np": np}, banner="", exitmsg="")
"""


def test_a_console_in_a_program(tmp_path: Path) -> None:
    (tmp_path / "console.py").write_text(CONSOLE)
    plain, explained = python(tmp_path, "console.py"), python(tmp_path, "console.py", "on")
    assert explained.stdout == plain.stdout == "after\n"
    assert explained.stderr.startswith(plain.stderr.rstrip("\n"))
    assert "  --> <console>:1:1\n   |\n 1 | A @ A\n" in explained.stderr


def test_a_prompt_after_a_script(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(NET + CRASH)
    done = python(tmp_path, "-i", "net.py", stdin="print('prompt')\n", SHAPECHECK="install")
    assert "error[SC101]" in done.stderr
    assert done.stdout == "prompt\n"


LAST = b"python -m shapecheck explain"


def typed(lines: list[str], folder: Path) -> str:
    """What a terminal shows when lines are typed at Python's own prompt."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(folder)
        os.execve(sys.executable, [sys.executable, "-q"], environment(TERM="xterm", SHAPECHECK="install", COLUMNS="80"))
    shown = b""
    try:
        for line in ["", *lines]:
            os.write(terminal, line.encode() + b"\r" * (line != "" or shown != b""))
            until = time.monotonic() + (30 if line == lines[-1] else 5)
            # A prompt is painted again and again as one types: it is done when it is silent.
            while time.monotonic() < until and LAST not in shown:
                ready, _, _ = select.select([terminal], [], [], 30 if line == lines[-1] else 0.8)
                if not ready:
                    break
                shown += os.read(terminal, 65536)
    finally:
        os.kill(process, 9)
        os.waitpid(process, 0)
        os.close(terminal)
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "", shown.decode(errors="replace"))


def test_pythons_own_prompt(tmp_path: Path) -> None:
    pytest.importorskip("readline")
    shown = typed(["import numpy as np", "def f(a): return a @ a.T @ a.T", "", "f(np.ones((2, 3)))"], tmp_path)
    assert "error[SC101]: this matrix product does not fit" in shown
    assert re.search(r"--> <[^>]+>:1:18", shown)
    assert re.search(r"\^+ +\^+\n.*\(2, 2\) +\(3, 2\)", shown)
