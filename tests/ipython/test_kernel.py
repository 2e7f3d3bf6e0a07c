"""The extension in a real kernel, as a notebook talks to it, and in a real IPython at a terminal."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ipykernel")
pytest.importorskip("jupyter_client")

ROOT = Path(__file__).parents[2]
# The libraries below the kernel's client warn of their own matters.
pytestmark = pytest.mark.filterwarnings("ignore")


@dataclass
class Reply:
    """What a cell sent back."""

    status: str = ""
    stream: str = ""
    error: str = ""
    shown: list[dict[str, Any]] = field(default_factory=list)
    order: list[str] = field(default_factory=list)
    payload: list[dict[str, Any]] = field(default_factory=list)

    @property
    def html(self) -> str:
        return "".join(data.get("text/html", "") for data in self.shown)

    @property
    def text(self) -> str:
        return "".join(data.get("text/plain", "") for data in self.shown)


class Notebook:
    """A kernel, and the cells that it is given."""

    def __init__(self, folder: Path) -> None:
        from jupyter_client.manager import start_new_kernel

        self.begun = False
        kept = {k: v for k, v in os.environ.items() if k not in {"SHAPECHECK", "SHAPECHECK_DEBUG"}}
        environment = {**kept, "PYTHONPATH": str(ROOT), "IPYTHONDIR": str(folder / "ipython")}
        null = subprocess.DEVNULL
        self.manager, self.client = start_new_kernel(cwd=str(folder), env=environment, stderr=null, stdout=null)

    def run(self, cell: str) -> Reply:
        reply = Reply()

        def receive(message: Any) -> None:
            kind, content = message["msg_type"], message["content"]
            if kind == "stream":
                reply.stream += content["text"]
            elif kind == "error":
                reply.error = re.sub(r"\x1b\[[\d;]*m", "", "\n".join(content["traceback"]))
            elif kind in {"display_data", "execute_result"}:
                reply.shown.append(content["data"])
            else:
                return
            reply.order.append(kind)

        answer = self.client.execute_interactive(cell, output_hook=receive, timeout=90)
        reply.status, reply.payload = answer["content"]["status"], answer["content"].get("payload", [])
        return reply

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        for one in (self.client, self.manager):
            one.context.destroy(linger=0)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    """One session; its tests run in order, as cells do."""
    session = Notebook(tmp_path_factory.mktemp("session"))
    session.run("import numpy as np")
    yield session
    session.close()


@pytest.fixture
def notebook(session: Notebook) -> Notebook:
    """The session, begun; where tests run side by side, the one that begins it may be in another process."""
    if not session.begun:
        session.begun = True
        for cell in (NET, TRAIN, "%load_ext shapecheck", BACKWARD):
            session.run(cell)
    return session


NET = """\
class Net:
    def __init__(self):
        self.W = np.ones((4, 3))
    def backward(self, delta):
        return np.dot(delta, self.W.T)
"""
TRAIN = """\
def train(net, target, output):
    error = 2 * (target - output) / len(output)
    return net.backward(error)
"""
BACKWARD = """\
np.random.seed(0)
X, Y, W = np.random.randn(8, 3), np.random.randn(8, 2), np.random.randn(3, 2)
def cost(W, X, Y):
    return 0.5 * np.mean((np.tanh(X @ W) - Y) ** 2)
def backward(W, X, Y):
    A = np.tanh(X @ W)
    return X.T @ ((A - Y) * (1 - A)) / Y.size
def right(W, X, Y):
    A = np.tanh(X @ W)
    return X.T @ ((A - Y) * (1 - A**2)) / Y.size
"""
CRASH = "train(Net(), np.ones(1), np.ones(2))"


def traceback_of(reply: Reply) -> str:
    return re.sub(r"In\[\d+\]", "In[]", reply.error)


def test_errors_are_explained_below_the_shells_own_traceback(session: Notebook) -> None:
    session.begun = True
    session.run(NET)  # 2
    session.run(TRAIN)  # 3
    before = session.run(CRASH)
    assert before.order == ["error"]
    assert session.run("%load_ext shapecheck").status == "ok"
    after = session.run(CRASH)
    assert (after.status, after.order) == ("error", ["error", "display_data"])
    assert traceback_of(after) == traceback_of(before)
    assert "error[SC101]: this matrix product does not fit\n  --> cell 2, line 5\n" in after.text
    assert "= cell 3, line 2: `target` (1,) against `output` (2,) is broadcast to (2,)" in after.text
    assert "put `%%diagnose` on top of the cell" in after.text
    assert '<svg class="boxes"' in after.html
    assert "<script" not in after.html
    session.run(BACKWARD)


@pytest.mark.parametrize("cell", ["1 / 0", "x y", "%nonsense", "raise ValueError('shapes')", "import nothing_at_all"])
def test_other_errors_are_left_alone(notebook: Notebook, cell: str) -> None:
    reply = notebook.run(cell)
    assert reply.order in (["error"], ["stream"])
    assert reply.shown == []


def test_errors_that_a_magic_shows(notebook: Notebook) -> None:
    assert "error[SC101]" in notebook.run(f"%%time\n{CRASH}").text
    notebook.run(f"%%writefile net.py\nimport numpy as np\n{NET}{TRAIN}{CRASH}\n")
    assert "--> net.py:6:16" in notebook.run("%run net.py").text


def test_a_fault_of_ours_says_nothing(notebook: Notebook) -> None:
    notebook.run("import shapecheck.postmortem.explanation as e; explain = e.explain; e.explain = None")
    assert notebook.run(CRASH).order == ["error"]
    notebook.run("e.explain = explain")
    assert notebook.run(CRASH).order == ["error", "display_data"]


def test_verify_shows_its_report(notebook: Notebook) -> None:
    wrong = notebook.run("%verify --loss cost --seed 0 backward(W, X, Y)")
    assert (wrong.status, wrong.error) == ("ok", "")
    assert wrong.text.startswith("the gradient of `W` is wrong")
    assert re.search(r"at +cell \d+, line 5, in `backward`", wrong.text)
    assert "the gradient of" in wrong.html
    good = notebook.run("report = %verify --loss cost right(W, X, Y)\nreport")
    assert good.text.startswith("the gradient of `W` is right")
    assert "<table>" in good.html
    assert notebook.run("hasattr(backward, 'verification')").text == "False"


def test_verify_by_name_checks_each_later_call(notebook: Notebook) -> None:
    assert notebook.run("%verify --loss cost --seed 0 backward").stream.startswith("backward is checked")
    assert "GradientMismatchError: the gradient of `W` is wrong" in notebook.run("backward(W, X, Y)").error
    notebook.run("%verify --off backward")
    assert notebook.run("backward(W, X, Y).shape").text == "(3, 2)"


@pytest.mark.parametrize("line", ["%verify --bad backward", "%verify 1 +", "%verify 'text'"])
def test_a_line_that_makes_no_sense_is_refused_in_one_line(notebook: Notebook, line: str) -> None:
    reply = notebook.run(line)
    said = reply.stream or reply.error
    assert said.startswith("UsageError: %verify: ") or "TypeError" in said
    assert reply.shown == []


DIAGNOSED = "for i in range(5):\n    d = (X @ W - Y) / 8\n    W -= 0.1 * d.T @ X\n    print('step', i)\n"


def test_diagnose_runs_apart_and_offers_the_corrected_cell(notebook: Notebook) -> None:
    before = notebook.run("W.sum()").text
    number = int(notebook.run("len(In)").text)
    reply = notebook.run(f"%%diagnose\n{DIAGNOSED}")
    assert (reply.status, reply.stream) == ("ok", "")
    assert "error[SC103]: layer 1 (`W`, 3 x 2): this update has another shape" in reply.text
    assert f"--> cell {number}, line 4\n" in reply.text
    assert "verified: runs to the end" in reply.text
    assert 'class="plus"' in reply.html
    (offered,) = reply.payload
    assert offered["source"] == "set_next_input"
    assert offered["text"].startswith("for i in range(5):\n    d = (X @ W - Y) / 8\n    W -= ")
    assert offered["text"] != DIAGNOSED.rstrip("\n")
    assert notebook.run("W.sum()").text == before
    assert notebook.run(offered["text"]).stream == "".join(f"step {i}\n" for i in range(5))


def test_diagnose_of_a_right_cell(notebook: Notebook) -> None:
    reply = notebook.run("%%diagnose --no-trials\nprint(X.T @ X)")
    assert reply.status == "ok"
    assert reply.payload == []
    assert "error[" not in reply.text
    assert notebook.run("%%diagnose\nx = = 1").stream.count("\n") <= 3


def test_unloading_puts_everything_back(notebook: Notebook) -> None:
    assert notebook.run("%unload_ext shapecheck").status == "ok"
    assert notebook.run(CRASH).order == ["error"]
    assert "not found" in notebook.run("%verify backward").stream
    assert notebook.run("'showtraceback' in vars(get_ipython())").text == "False"
    notebook.run("import shapecheck; shapecheck.install()")
    assert notebook.run(CRASH).order == ["error", "display_data"]
    notebook.run("shapecheck.uninstall()")
    assert notebook.run(CRASH).order == ["error"]


def test_ipython_at_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "cells.ipy").write_text(f"import numpy as np\n%load_ext shapecheck\n{NET}{TRAIN}")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "IPYTHONDIR": str(tmp_path / "ipython"), "COLUMNS": "80"}
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--colors=NoColor", "--simple-prompt", "--no-banner", "-i", "cells.ipy"],
        input=f"{CRASH}\n",
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "error[SC101]: this matrix product does not fit\n" in done.stdout
    assert "<div" not in done.stdout
