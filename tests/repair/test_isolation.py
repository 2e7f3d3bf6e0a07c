"""A trial touches nothing of the world, and leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shapecheck.repair.attempt import Attempt, AttemptOutcome
from shapecheck.repair.trial import Trials
from shapecheck.trace.run import Program

# What a program does to the world, and how the test sees that it was done.
DEEDS = {
    "writes a file": "open('written.txt', 'w').write('x')",
    "appends to a file": "open('kept.txt', 'a').write('x')",
    "writes through pathlib": "import pathlib; pathlib.Path('written.txt').write_text('x')",
    "saves an array": "import numpy as np; np.save('written.npy', np.ones(3))",
    "deletes a file": "import os; os.remove('kept.txt')",
    "renames a file": "import os; os.rename('kept.txt', 'written.txt')",
    "makes a folder": "import os; os.mkdir('written')",
    "removes a tree": "import shutil; shutil.rmtree('folder')",
    "runs a command": "import os; os.system('touch written.txt')",
    "starts a process": "import subprocess; subprocess.run(['touch', 'written.txt'])",
    "forks": "import os\npid = os.fork()\nif pid == 0:\n    os._exit(0)",
    "opens a socket": "import socket; socket.socket().connect(('127.0.0.1', 9))",
    "catches what stops it": "try:\n    open('written.txt', 'w').write('x')\nexcept Exception:\n    pass",
}


def run_once(folder: Path, text: str, *, seconds: float = 20.0) -> AttemptOutcome | None:
    script = folder / "script.py"
    script.write_text("print('never run')\n")
    with Trials() as trials:
        program = Program(str(script), replaced={str(script): text})
        order = Attempt(program, seconds=seconds, window_events=1000, stop=False, folder=str(folder))
        return dict(trials.run([order]))[0]


@pytest.mark.parametrize("deed", DEEDS.values(), ids=DEEDS.keys())
def test_a_trial_is_refused_what_outlives_it(tmp_path: Path, deed: str) -> None:
    (tmp_path / "kept.txt").write_text("kept")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "inner.txt").write_text("kept")
    outcome = run_once(tmp_path, deed + "\nx = 1\n")
    names = sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*"))
    assert names == ["folder", "folder/inner.txt", "kept.txt", "script.py"]
    assert (tmp_path / "kept.txt").read_text() == "kept"
    assert outcome is not None
    assert outcome.ended in {"refused", "syntax"}


# What it may do in its own temporary folder, and how it might try to get out of there.
OWN = {
    "writes a temporary file": ("tempfile.NamedTemporaryFile('w').write('x')", "finished"),
    "keeps a temporary file open": ("tempfile.TemporaryFile().write(b'x')", "finished"),
    "makes and removes a folder": ("shutil.rmtree(tempfile.mkdtemp())", "finished"),
    "renames in it": ("os.rename(tempfile.mkstemp()[1], os.path.join(tempfile.gettempdir(), 'new'))", "finished"),
    "copies into it": ("shutil.copy('kept.txt', tempfile.gettempdir())", "finished"),
    "moves out of it": ("shutil.move(tempfile.mkstemp()[1], 'written.txt')", "refused"),
    "moves into it": ("shutil.move('kept.txt', tempfile.gettempdir())", "refused"),
    "writes through a link": (
        "d = tempfile.gettempdir(); os.symlink(os.path.abspath('kept.txt'), d + '/l'); open(d + '/l', 'w').write('x')",
        "refused",
    ),
    "links what is outside": ("os.link('kept.txt', tempfile.gettempdir() + '/l')", "refused"),
    "climbs out": ("os.mkdir(os.path.join(tempfile.gettempdir(), '..', 'written'))", "refused"),
    "removes by a descriptor": ("os.remove('kept.txt', dir_fd=os.open('.', os.O_RDONLY))", "refused"),
}


@pytest.mark.parametrize(("deed", "ended"), OWN.values(), ids=OWN.keys())
def test_a_trial_may_do_what_it_likes_in_its_own_folder(tmp_path: Path, deed: str, ended: str) -> None:
    (tmp_path / "kept.txt").write_text("kept")
    outcome = run_once(tmp_path, f"import os, shutil, tempfile\n{deed}\n")
    assert outcome is not None
    assert outcome.ended == ended, outcome
    assert sorted(p.name for p in tmp_path.iterdir()) == ["kept.txt", "script.py"]
    assert (tmp_path / "kept.txt").read_text() == "kept"


def test_a_trial_may_read(tmp_path: Path) -> None:
    (tmp_path / "data.txt").write_text("1 2 3")
    outcome = run_once(tmp_path, "import numpy as np\nx = np.loadtxt('data.txt')\nassert x.sum() == 6\n")
    assert outcome is not None
    assert outcome.ended == "finished"


def test_a_trial_that_does_not_end_is_ended(tmp_path: Path) -> None:
    started = time.monotonic()
    outcome = run_once(tmp_path, "while True:\n    pass\n", seconds=0.5)
    assert outcome is None
    assert time.monotonic() - started < 15


def test_trials_print_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run_once(tmp_path, "import sys\nprint('out')\nprint('err', file=sys.stderr)\n")
    assert capfd.readouterr() == ("", "")


def test_running_trials_end_with_the_process_that_wanted_them(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    script = tmp_path / "script.py"
    script.write_text("")
    text = f"import os, time\nt = time.time()\nwhile time.time() - t < 60:\n    pass  # {tmp_path.name}\n"
    parent = (
        f"import sys, threading, os, time\nsys.path.insert(0, {str(root)!r})\n"
        "from shapecheck.repair.attempt import Attempt\nfrom shapecheck.repair.trial import Trials\n"
        "from shapecheck.trace.run import Program\ntrials = Trials()\n"
        f"order = Attempt(Program({str(script)!r}, replaced={{{str(script)!r}: {text!r}}}), seconds=50.0,"
        f" window_events=100, stop=False, folder={str(tmp_path)!r})\n"
        "threading.Thread(target=trials.run, args=([order],), daemon=True).start()\n"
        "time.sleep(2)\nprint(trials._process.pid, flush=True)\ntime.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    zygote = int(process.stdout.readline())
    children = _children(zygote)
    assert children
    process.kill()
    process.wait()
    process.stdout.close()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(_runs(p) for p in [zygote, *children]):
        time.sleep(0.1)
    assert not [p for p in [zygote, *children] if _runs(p)]


def _children(process: int) -> list[int]:
    return [int(n) for n in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
