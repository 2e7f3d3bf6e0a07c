"""Programs that are no script: a module, standard input, one function with small inputs."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from shapecheck.programs import UnusableError, call_of, program_of

from .notebooks import diagnose
from .test_notebooks import CRASHING, NETWORK

LAYERS = """\
import numpy as np


class Dense:
    def __init__(self, inputs, outputs):
        self.W = np.random.default_rng(0).normal(size=(inputs, outputs))

    def forward(self, x):
        self.x = x
        return np.tanh(x @ self.W)

    def backward(self, d):
        self.dW = self.x @ d
        return d @ self.W.T
"""
TRAIN = """\
import sys

import numpy as np

from .. import Dense


def train(X, y, rate=0.1, steps=5):
    net = Dense(X.shape[1], 1)
    for _ in range(steps):
        out = net.forward(X)
        net.backward((out - y) * (1 - out**2))
        net.W -= rate * net.dW
    return net


async def train_later(X, y):
    return train(X, y)


def steps(X):
    yield X


if __name__ == "__main__":
    print(sys.argv[0].endswith("train.py"), sys.argv[1:], __name__, __package__, __spec__.name)
    rng = np.random.default_rng(1)
    train(rng.normal(size=(6, 3)), rng.normal(size=(6, 1)))
"""


@pytest.fixture
def nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package whose `__init__` imports what its `train` uses; the current folder is the one it is in."""
    inner = tmp_path / "nets" / "jobs"
    inner.mkdir(parents=True)
    (tmp_path / "nets" / "__init__.py").write_text("from .layers import Dense\n")
    (tmp_path / "nets" / "layers.py").write_text(LAYERS)
    (inner / "__init__.py").write_text("")
    (inner / "train.py").write_text(TRAIN)
    monkeypatch.chdir(tmp_path)
    return tmp_path


INPUTS = "X=np.ones((4, 3)), y=np.zeros((4, 1))"

#        id                         the command line
LINES = [
    ("module", ["-m", "nets.jobs.train", "--epochs", "3"]),
    ("function", ["--function", "nets.jobs.train:train", "--with", INPUTS]),
]


@pytest.mark.parametrize("line", [case[1] for case in LINES], ids=[case[0] for case in LINES])
def test_what_a_package_imports_is_explained(line, nets):
    done = diagnose(nets, *line)
    assert done.returncode == 1
    if line[0] == "-m":
        assert done.stdout.startswith("True ['--epochs', '3'] __main__ nets.jobs nets.jobs.train\n")
    assert "importlib" not in done.stderr
    assert "shapecheck" not in done.stderr
    assert "--> nets/layers.py:13:19\n" in done.stdout
    assert "13 +         self.dW = self.x.T @ d\n" in done.stdout
    assert "verified: " in done.stdout


READY = """
import numpy as np


def ready():
    dense = Dense(3, 1)
    dense.forward(np.ones((4, 3)))
    return dense
"""
#        id                 the function                      its inputs
CALLS = [
    ("by position", "nets.jobs.train:train", "np.ones((4, 3)), np.zeros((4, 1)), steps=2"),
    ("a file's function", "nets/jobs/train.py:train", INPUTS),
    ("arrays of a file", "nets.jobs.train:train", "inputs.npz"),
    ("names of a file", "nets.jobs.train:train", "inputs.py"),
    ("a coroutine", "nets.jobs.train:train_later", INPUTS),
    ("a method", "nets:Dense.backward", "ready(), np.ones((4, 1))"),
]


@pytest.mark.parametrize(("function", "inputs"), [case[1:] for case in CALLS], ids=[case[0] for case in CALLS])
def test_calls(function, inputs, nets):
    np.savez("inputs.npz", X=np.ones((4, 3)), y=np.zeros((4, 1)), rate=0.5)
    Path("inputs.py").write_text("import numpy as np\nX = np.ones((4, 3))\nrows = len(X)\ny = np.zeros((rows, 1))\n")
    with Path("nets/__init__.py").open("a") as file:
        file.write(READY)
    code = (
        "import sys; from shapecheck.programs import call_of; from shapecheck.trace.run import execute\n"
        "recording = execute(call_of(sys.argv[1], sys.argv[2]))\n"
        "frames = [(f.function, f.place[0]) for f in recording.failure.frames]\n"
        "print(recording.failure.exception, frames[-1], sys.argv)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(root)!r})\n{code}", function, inputs],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "ValueError ('Dense.backward', 13) ['-c']\n", done.stderr


#        id                     function                      inputs                   what is said
BAD_CALLS = [
    ("no colon", "nets.jobs.train", "", ["names no function: write MODULE:FUNCTION"]),
    ("no name", "nets:", "", ["names no function"]),
    ("no module's name", "nets/jobs:f", "", ["nets/jobs is no module's name"]),
    ("no such file", "nets/gone.py:f", "", ["there is no file nets/gone.py"]),
    ("not a call's words", "nets:f", "X=np.ones(", ["--with 'X=np.ones('", "brackets of a call"]),
    ("words of another call", "nets:f", "1), f(2", ["brackets of a call"]),
    ("no such inputs", "nets:f", "gone.npz", ["there is no file gone.npz"]),
]


@pytest.mark.parametrize(
    ("function", "inputs", "said"), [case[1:] for case in BAD_CALLS], ids=[case[0] for case in BAD_CALLS]
)
def test_words_that_mean_no_call(function, inputs, said, nets):
    with pytest.raises(UnusableError) as raised:
        call_of(function, inputs)
    assert [words for words in said if words not in str(raised.value)] == []


TRAIN_IT = "nets.jobs.train:train"
#        id                    the command line                                        what is said
REFUSED = [
    ("no such module", ["-m", "nets.gone"], "there is no module nets.gone"),
    ("no such package", ["-m", "gone.train"], "there is no module gone.train: gone is not found"),
    ("a package", ["-m", "nets"], "nets is a package without a `__main__` module"),
    ("a module that is no Python", ["-m", "broken"], "broken cannot be run: SyntaxError"),
    ("no such function", ["--function", "nets.jobs.train:trian"], "has no function `trian`; it has train"),
    ("no function", ["--function", "nets.jobs.train:__name__"], "is no function: it is a str"),
    ("a generator", ["--function", "nets.jobs.train:steps", "--with", "1"], "is a generator"),
    ("nothing to call it with", ["--function", TRAIN_IT], "missing a required argument: 'X'; give its arguments"),
    ("an unknown argument", ["--function", TRAIN_IT, "--with", "Z=1"], "missing a required argument: 'X'"),
    ("a slip in the inputs", ["--function", TRAIN_IT, "--with", "X=np.onse(3)"], "`np.onse(3)` of --with cannot be"),
    ("broken arrays", ["--function", TRAIN_IT, "--with", "broken.npz"], "cannot be read as arrays"),
]


@pytest.mark.parametrize(("line", "said"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_refused_in_one_sentence(line, said, nets):
    Path("broken.py").write_text("x = = 1\n")
    Path("broken.npz").write_bytes(b"no zip")
    # What the child process does is done in this test's: a whole command for each would take half a minute.
    code = (
        "import sys\nfrom shapecheck.programs import *\nfrom shapecheck.trace.run import *\n"
        "from shapecheck.trace.starting import *\nline = sys.argv[1:]\n"
        "program = program_of(line[1], module=True) if line[0] == '-m' else call_of(line[1], (line[3:] or [''])[0])\n"
        "try:\n    execute(program)\nexcept UnrunnableError as error:\n    print(error)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(root)!r})\n{code}", *line],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said in done.stdout, done.stderr
    assert done.stdout.count("\n") == 1


def test_a_refusal_ends_the_command_with_2(nets):
    done = diagnose(nets, "--function", TRAIN_IT)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("nets.jobs.train.train(X, y, rate=0.1, steps=5): missing a required argument")
    assert done.stderr.count("\n") == 1


def test_an_error_in_the_users_code_is_none_of_ours(nets):
    with Path("nets/__init__.py").open("a") as file:
        file.write("{}['x']\n")
    done = diagnose(nets, "--no-trials", "-m", "nets.jobs.train")
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback (most recent call last):\n  File ")
    assert done.stderr.splitlines()[1].endswith('nets/__init__.py", line 2, in <module>')
    assert "died of KeyError" in done.stdout


# -- standard input ---------------------------------------------------------------------------------------------------

PIPED = """\
import sys
import numpy as np
print(__name__, '__file__' in globals(), sys.argv, repr(sys.path[0]), repr(sys.stdin.read()))
x = np.ones((3, 2))
W = np.ones((3, 1))
for step in range(3):
    W -= 0.1 * x.T @ (x @ W)
"""


def test_standard_input(tmp_path):
    done = diagnose(tmp_path, "--no-trials", "-", "--rate", "3", stdin=PIPED)
    assert done.returncode == 1
    assert done.stdout.startswith("__main__ False ['-', '--rate', '3'] '' ''\n\nshapecheck: <stdin>")
    assert 'File "<stdin>", line 7, in <module>' in done.stderr
    assert "--> <stdin>:7:23\n" in done.stdout
    assert "7 |     W -= 0.1 * x.T @ (x @ W)\n" in done.stdout


def test_the_diff_of_standard_input_can_be_applied(tmp_path):
    text = "\n".join([*NETWORK[0].splitlines()[1:], *NETWORK[2].splitlines()[:1], *CRASHING[3].splitlines()[1:], ""])
    text = text.replace("losses = []", "W1, W2 = rng.normal(size=(3, 4)), rng.normal(size=(4, 1))\nlosses = []")
    done = diagnose(tmp_path, "--diff", "-", stdin=text)
    assert done.stdout.startswith("--- a/<stdin>\n+++ b/<stdin>\n")
    (tmp_path / "<stdin>").write_text(text)
    subprocess.run(["git", "apply", "-"], input=done.stdout, text=True, cwd=tmp_path, check=True)
    assert (tmp_path / "<stdin>").read_text() == text.replace("A1 @ dout", "A1.T @ dout")


#        id                  what is piped in                    what is said
BAD_TEXT = [
    ("syntax", b"x = = 1\n", ["<stdin> cannot be run", 'File "<stdin>", line 1', "SyntaxError"]),
    ("null bytes", b"\0", ["<stdin> is no Python source"]),
    ("not utf-8", b"x = '\xe9'\n", ["<stdin> is not UTF-8 text", "line 1"]),
]


@pytest.mark.parametrize(("data", "said"), [case[1:] for case in BAD_TEXT], ids=[case[0] for case in BAD_TEXT])
def test_what_comes_in_and_is_no_program(data, said, monkeypatch):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    with pytest.raises(UnusableError) as raised:
        program_of("-")
    assert [words for words in said if words not in str(raised.value)] == []
