"""`diagnose` as a whole process on real programs: what is printed where, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

NETWORK = """\
import numpy as np

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(20, 3)), rng.normal(size=(20, 1))
W1, W2 = rng.normal(size=(3, 4)), rng.normal(size=(4, 1))
losses = []
for step in range(30):
    A1 = np.tanh(X @ W1)
    out = A1 @ W2
    losses.append(np.mean((out - Y) ** 2))
    dout = 2 * (out - Y) / len(X)
    dW2 = A1.T @ dout
    dZ1 = dout @ W2.T * (1 - A1 ** 2)
    dW1 = X.T @ dZ1
    W1 -= 0.1 * dW1
    W2 -= 0.1 * dW2
print("learned:", losses[-1] < losses[0])
"""
CRASHING = NETWORK.replace("A1.T @ dout", "A1 @ dout")


def diagnose(folder: Path, *arguments: str, program: str | None = None, **options) -> subprocess.CompletedProcess[str]:
    if program is not None:
        (folder / "script.py").write_text(textwrap.dedent(program))
    plain = {key: value for key, value in os.environ.items() if key not in {"COLUMNS", "FORCE_COLOR"}}
    return subprocess.run(
        [sys.executable, "-m", "shapecheck", "diagnose", *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        timeout=120,
        check=False,
        env={**plain, "PYTHONPATH": str(Path(__file__).parents[2])},
        **options,
    )


def test_clean(tmp_path):
    done = diagnose(tmp_path, "script.py", program=NETWORK)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("learned: True\n\nshapecheck: script.py, 2 layers, batch-first\n")
    assert "nothing found" in done.stdout


def test_what_was_not_looked_at_for_want_of_time_is_not_called_clean(tmp_path, monkeypatch):
    monkeypatch.setenv("SHAPECHECK_PATIENCE", "0")
    done = diagnose(tmp_path, "script.py", program=NETWORK)
    assert done.returncode == 0
    assert "nothing found in the time that there was: the program ran to its end" in done.stdout
    assert "SHAPECHECK_PATIENCE=5" in done.stdout


def test_crash_is_explained_after_its_own_traceback(tmp_path):
    done = diagnose(tmp_path, "script.py", program=CRASHING)
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback (most recent call last):\n")
    assert 'File "' in done.stderr
    assert "    dW2 = A1 @ dout\n" in done.stderr
    assert done.stderr.rstrip().splitlines()[-1].startswith("ValueError: matmul: Input operand 1 has a mismatch")
    assert "shapecheck" not in done.stderr
    assert "error[SC101]" in done.stdout
    assert "12 -     dW2 = A1 @ dout\n12 +     dW2 = A1.T @ dout\n" in done.stdout
    assert "verified: " in done.stdout


def test_json_stands_alone(tmp_path):
    done = diagnose(tmp_path, "--format", "json", "script.py", program="print('mine')\n" + CRASHING)
    found = json.loads(done.stdout)
    assert done.stderr.startswith("mine\nTraceback")
    assert (found["script"], found["status"], found["program"]["outcome"]) == ("script.py", "findings", "exception")
    assert found["findings"][0]["cause"]["line"] == 13
    assert found["findings"][0]["fixes"][0]["confidence"] == "verified"


def test_fix_makes_it_right(tmp_path):
    fixed = diagnose(tmp_path, "--fix", "script.py", program=CRASHING)
    assert fixed.returncode == 1
    assert "applied 1 fix to script.py" in fixed.stdout
    assert (tmp_path / "script.py").read_text() == NETWORK
    assert diagnose(tmp_path, "script.py").returncode == 0


def test_diff_can_be_applied(tmp_path):
    done = diagnose(tmp_path, "--diff", "script.py", program=CRASHING)
    assert done.returncode == 1
    subprocess.run(["git", "apply", "-"], input=done.stdout, text=True, cwd=tmp_path, check=True)
    assert (tmp_path / "script.py").read_text() == NETWORK


def test_module(tmp_path):
    package = tmp_path / "nets"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "train.py").write_text("import sys\nprint(sys.argv[1:])\n" + CRASHING)
    done = diagnose(tmp_path, "-m", "nets.train", "--epochs", "3")
    assert done.returncode == 1
    assert done.stdout.startswith("['--epochs', '3']\n")
    assert "nets/train.py:14" in done.stdout


#        id              program                                               exit  standard output    standard error
BY_ITSELF = [
    ("own exception", "import numpy as np\nnp.zeros(3).sum()\n{}['x']\n", 1, "died of KeyError", "KeyError: 'x'"),
    ("sys.exit(3)", "import sys, numpy as np\nnp.zeros(3) + 1\nsys.exit(3)\n", 1, "exit status 3", ""),
    ("sys.exit(0)", "import sys, numpy as np\nnp.zeros(3) + 1\nsys.exit(0)\n", 0, "nothing", ""),
    ("import", "import no_such_module\n", 2, "could not import", "ModuleNotFoundError: No module named"),
    ("no arrays", "print(1 + 1)\n", 2, "SC901", ""),
    ("os._exit", "import os, numpy as np\nnp.zeros(3) + 1\nos._exit(3)\n", 2, "exit status 3", ""),
    ("reads input", "import numpy as np\nprint(np.ones(2) * float(input()))\n", 0, "[2.5 2.5]", ""),
    ("empty", "", 2, "SC901", ""),
    ("assertion of its own", "import numpy as np\nassert np.ones(2).sum() == 3, 'no'\n", 1, "", "AssertionError: no"),
]


@pytest.mark.parametrize(
    ("program", "status", "out", "err"), [case[1:] for case in BY_ITSELF], ids=[case[0] for case in BY_ITSELF]
)
def test_ends_by_itself(program, status, out, err, tmp_path):
    done = diagnose(tmp_path, "script.py", program=program, input="2.5\n")
    assert out in done.stdout
    assert err in done.stderr
    assert "shapecheck failed" not in done.stderr
    assert done.returncode == status


def test_a_program_that_never_ends_is_still_explained(tmp_path):
    endless = "import numpy as np\nnp.ones((2, 3)) + 1\nwhile True: pass\n"
    started = time.monotonic()
    done = diagnose(tmp_path, "--timeout", "2", "script.py", program=endless)
    assert time.monotonic() - started < 30
    assert done.returncode == 2
    assert "had not ended after 2 s" in done.stdout


def test_interrupted(tmp_path):
    (tmp_path / "script.py").write_text(
        "import numpy as np, time\nnp.ones(3) + 1\nprint('on', flush=True)\ntime.sleep(60)\n"
    )
    command = [sys.executable, "-m", "shapecheck", "diagnose", "script.py"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert first == "on\n"
    assert process.returncode == 2, out + err
    assert "interrupted" in out + err
    assert "shapecheck" not in err or "Traceback" not in err
    assert "site-packages/shapecheck" not in err


def test_memory_limit(tmp_path):
    greedy = "import numpy as np\nx = [np.ones((1000, 1000)) for _ in range(1000)]\n"
    done = diagnose(tmp_path, "--memory", "1000", "script.py", program=greedy)
    assert done.returncode == 2
    assert "memory" in done.stdout
