# ruff: noqa: E501 - a program a line
"""A program in a recorded process of its own does what it does under plain Python: streams, exit code, files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LAUNCH = (
    "import sys; from shapecheck.trace.process import run_program; from shapecheck.trace.run import Program; "
    "run = run_program(Program(sys.argv[1], tuple(sys.argv[2:])), timeout=30); "
    "assert run.trace is not None or run.refused, run; sys.stdout.flush(); sys.stderr.flush(); "
    "import os, signal; signal.signal(2, signal.SIG_DFL); "
    "os.kill(os.getpid(), -run.exit_code) if run.exit_code < 0 else os._exit(run.exit_code)"
)

PROGRAMS = {
    "names": "import sys\nprint(__name__, __file__, sys.argv, sys.path[0], __doc__, __package__, __spec__, __builtins__.__name__)\n"
    "print(sorted(globals()), sys.modules['__main__'].__dict__ is globals())",
    "main guard": "import numpy as np\ndef main():\n    print(np.ones(2) * 2)\nif __name__ == '__main__':\n    main()",
    "standard input": "import sys\nprint(input('name? '), [line * 2 for line in sys.stdin])",
    "end of input": "while True:\n    print(input())",
    "exit code": "import sys\nprint('before')\nsys.exit(7)",
    "exit message": "import sys\nsys.exit('stopped: ' + str(3))",
    "system exit in a function": "def f(): raise SystemExit\nf()",
    "os exit": "import os, sys\nprint('x')\nsys.stdout.flush()\nos._exit(3)",
    "at exit": "import atexit, numpy as np\natexit.register(print, 'bye')\nprint(np.ones(1) * 2)",
    "crash": "import numpy as np\nprint('go')\ndef f(a):\n    return np.dot(a, a) + 1\nf(np.ones((2, 3)))",
    "crash with notes": "e = ValueError('x')\ne.add_note('more')\nraise e",
    "excepthook": "import sys\nsys.excepthook = lambda t, e, tb: print('hook', t.__name__, e)\n1 / 0",
    "relative file": "with open('data.txt') as f: print(f.read())\nopen('out.txt', 'w').write('a' * 3)\nimport os\nprint(os.getcwd())",
    "user module": "import helper\nfrom package import part\nprint(helper.double(3), part.W, helper.__file__, part.__name__)",
    "module that fails": "import helper\nhelper.crash()",
    "module with a syntax error": "import broken",
    "missing module": "import missing_module_of_mine",
    "warnings": "import warnings, numpy as np\nfor i in range(3):\n    warnings.warn('careful')\n    np.log(np.zeros(1))\nx = 1\nx is 1",
    "invalid escape": "print('\\d', 1 is 1)",
    "multiprocessing": "import multiprocessing as mp\nimport numpy as np\ndef f(v): return (np.ones(2) * v).sum()\n"
    "if __name__ == '__main__':\n    with mp.get_context('fork').Pool(2) as p: print(p.map(f, range(4)))",
    "fork": "import os\nimport numpy as np\nnp.ones(2) @ np.ones(2)\npid = os.fork()\nif pid == 0:\n    print('child', flush=True)\n    os._exit(4)\nprint(os.waitpid(pid, 0)[1])",
    "subprocess": "import subprocess, sys\nprint(subprocess.run([sys.executable, '-c', 'print(2 * 3)'], capture_output=True).stdout)",
    "signal": "import signal, os\nsignal.signal(signal.SIGUSR1, lambda *a: print('signal', a[0]))\nos.kill(os.getpid(), signal.SIGUSR1)",
    "standard error": "import sys\nprint('err', file=sys.stderr)\nprint('out')",
    "encoding": "# -*- coding: utf-8 -*-\nprint('é✓', len('é'))",
    "recursion": "def f(n): return f(n + 1)\ntry:\n    f(0)\nexcept RecursionError as e:\n    print(e)",
    "runpy and inspect": "import inspect, sys\ndef f():\n    return 1 + 1\nprint(inspect.getsource(f), inspect.getfile(f), f.__module__)",
    "pickle": "import pickle\nclass A:\n    x = 1\nprint(pickle.loads(pickle.dumps(A())).x, pickle.dumps(A)[:40])",
    "dataclass": "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass P:\n    x: int = 1 + 1\nprint(P())",
    "thread that fails": "import threading\nt = threading.Thread(target=lambda: 1 / 0, name='worker')\nt.start()\nt.join()\nprint('on')",
    "logging": "import logging\nlogging.basicConfig(format='%(filename)s:%(lineno)d %(funcName)s %(message)s')\ndef f(): logging.warning('x %d', 3)\nf()",
    "random": "import random, numpy as np\nnp.random.seed(1)\nrandom.seed(1)\nprint(np.random.rand(2) * 2, random.random() + 1)",
    "interrupt": "raise KeyboardInterrupt",
}


def _files(folder: Path, text: str) -> None:
    (folder / "program.py").write_text(text + "\n", encoding="utf-8")
    (folder / "data.txt").write_text("some data", encoding="utf-8")
    (folder / "helper.py").write_text(
        "import numpy as np\ndef double(x):\n    return np.asarray(x) * 2\ndef crash():\n    return np.ones(2) @ np.ones(3)\n"
    )
    (folder / "broken.py").write_text("x = (1,\ny = 2\n")
    (folder / "package").mkdir()
    (folder / "package" / "__init__.py").write_text("")
    (folder / "package" / "part.py").write_text("from . import other\nW = other.V * 2\n")
    (folder / "package" / "other.py").write_text("import numpy as np\nV = np.ones(2) + 1\n")


@pytest.mark.parametrize("text", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_a_process_is_the_same(text: str, tmp_path: Path) -> None:
    seen = []
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    for name, command in (("plain", []), ("recorded", ["-c", LAUNCH])):
        folder = tmp_path / name
        folder.mkdir()
        _files(folder, text)
        process = subprocess.run(
            [sys.executable, *command, "program.py", "one", "--two=3"],
            cwd=folder,
            env=environment,
            input="Ada\nand more\n",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        files = sorted(p.name for p in folder.rglob("*"))
        shown = [part.replace(str(folder), "<folder>") for part in (process.stdout, process.stderr)]
        seen.append((shown[0], shown[1], process.returncode, files))
    plain, recorded = seen
    assert recorded == plain
