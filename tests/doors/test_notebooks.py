"""`diagnose net.ipynb`: cells run as in a notebook, the report names cell and line, and only that cell is mended."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from shapecheck.programs import UnusableError, program_of

from .notebooks import diagnose, notebook, write

NETWORK = [
    "%matplotlib inline\nimport numpy as np\n\nrng = np.random.default_rng(0)",
    "def start(inputs, hidden):\n    return rng.normal(size=(inputs, hidden)), rng.normal(size=(hidden, 1))",
    "X, Y = rng.normal(size=(20, 3)), rng.normal(size=(20, 1))\nW1, W2 = start(3, 4)\nW1.shape",
    """%%time
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
print("learned:", losses[-1] < losses[0])""",
]
CRASHING = [*NETWORK[:3], NETWORK[3].replace("A1.T @ dout", "A1 @ dout")]


def test_right_notebook(tmp_path):
    write(tmp_path / "net.ipynb", NETWORK)
    done = diagnose(tmp_path, "--no-trials", "net.ipynb")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("(3, 4)\nlearned: True\n\nshapecheck: net.ipynb, 2 layers, batch-first\n")


def test_crash_is_explained_by_cell_and_line_and_mended_there(tmp_path):
    path = write(tmp_path / "net.ipynb", CRASHING)
    before = path.read_bytes()
    done = diagnose(tmp_path, "--fix", "net.ipynb")
    assert done.returncode == 1
    assert "  Cell In[4], line 8, in <module>\n    dW2 = A1 @ dout\n" in done.stderr
    assert "shapecheck" not in done.stderr
    assert "  --> net.ipynb, cell 4, line 8\n" in done.stdout
    assert " 8 -     dW2 = A1 @ dout\n 8 +     dW2 = A1.T @ dout\n" in done.stdout
    assert "applied 1 fix to net.ipynb" in done.stdout
    assert path.read_bytes() == before.replace(b"dW2 = A1 @ dout", b"dW2 = A1.T @ dout")


def test_json_and_diff(tmp_path):
    # One string for each source, other blanks, ASCII only: as some other tools write them.
    path = tmp_path / "net.ipynb"
    path.write_text(json.dumps(notebook(CRASHING, lines=False), sort_keys=True))
    before = path.read_bytes()
    found = json.loads(diagnose(tmp_path, "--format", "json", "net.ipynb").stdout)["findings"][0]
    place = {key: found["location"][key] for key in ("cell", "line", "column", "source")}
    assert place == {"cell": 4, "line": 8, "column": 11, "source": "A1 @ dout"}
    assert Path(found["location"]["path"]).name == "net.ipynb"
    edit = found["fixes"][0]["edits"][0]
    assert (edit["cell"], edit["line"], edit["column"], edit["replacement"]) == (4, 8, 13, ".T")
    diff = diagnose(tmp_path, "--diff", "net.ipynb").stdout
    subprocess.run(["git", "apply", "-"], input=diff, text=True, cwd=tmp_path, check=True)
    assert path.read_bytes() == before.replace(b"dW2 = A1 @ dout", b"dW2 = A1.T @ dout")


def test_sarif_points_to_the_cell_and_not_to_a_line_of_the_file(tmp_path):
    write(tmp_path / "net.ipynb", CRASHING)
    done = diagnose(tmp_path, "--no-trials", "--format", "sarif", "net.ipynb")
    location = json.loads(done.stdout)["runs"][0]["results"][0]["locations"][0]
    assert location["logicalLocations"][0]["name"] == "cell 4, line 8"
    assert "region" not in location["physicalLocation"]


def test_where_it_began_may_be_another_cell(tmp_path):
    made = NETWORK[2].replace("start(3, 4)", "rng.normal(size=(3, 4)), rng.normal(size=(5, 1))")
    write(tmp_path / "net.ipynb", [*NETWORK[:2], made, NETWORK[3]])
    done = diagnose(tmp_path, "net.ipynb")
    assert "  --> net.ipynb, cell 4, line 5\n" in done.stdout
    assert "it began here, at cell 3, line 2" in done.stdout
    assert "verified: " in done.stdout


# What a notebook's program can see of how it is run.
SEEN = [
    "from __future__ import annotations\nimport os, sys\nimport numpy as np",
    "def f(x: NotThere): return x * 2\nprint(__name__, '__file__' in globals(), sys.argv, repr(sys.path[0]))",
    "files = !ls\n!touch made-by-shell\nf?\n%cd .\n%timeit -n 3 f(np.ones(2))\nfiles",
    "display(f(np.ones(2)), 'a')\nget_ipython().run_line_magic('matplotlib', 'inline')\nget_ipython().kernel.shell",
    "import asyncio\nasync def g(x):\n    await asyncio.sleep(0)\n    return x\ny = await g(3)\ny;",
    "await g(2)",
    "_ + 1",
    "%%writefile made.py\ndef h(x):\n    return x @ np.ones((3, 1))\nimport numpy as np",
    "import made, inspect\nprint(inspect.getsource(f))\nmade.h(np.ones(3))",
    ("1 / 0", ["raises-exception"]),
    ("x = = 1", ["raises-exception"]),
    "%%bash\nexit 1",
    "print(os.path.basename(os.getcwd()), os.path.exists('made-by-shell'))",
]


def test_cells_see_what_cells_in_a_notebook_see(tmp_path):
    (tmp_path / "folder").mkdir()
    write(tmp_path / "folder" / "net.ipynb", SEEN)
    done = diagnose(tmp_path, "--no-trials", "folder/net.ipynb", "--rate", "3")
    said = done.stdout.partition("\n\nshapecheck: ")[0].splitlines()
    assert said == [
        "__main__ False ['folder/net.ipynb', '--rate', '3'] ''",
        "[]",
        "array([2., 2.])",
        "'a'",
        said[4],
        "2",
        "3",
        "def f(x: NotThere): return x * 2",
        "",
        "array([3.])",
        "folder False",
    ]
    assert "not run while diagnosing: !touch made-by-shell\n" in done.stderr
    assert "  Cell In[10], line 1, in <module>\n    1 / 0\n" in done.stderr
    assert done.returncode == 0


def test_the_first_cell_that_fails_ends_the_run(tmp_path):
    write(tmp_path / "net.ipynb", ["import numpy as np", "np.ones(3).sum()\n{}['x']", "print('not reached')"])
    done = diagnose(tmp_path, "--no-trials", "net.ipynb")
    assert done.returncode == 1
    assert done.stderr.endswith("  Cell In[2], line 2, in <module>\n    {}['x']\n    ~~^^^^^\nKeyError: 'x'\n")
    assert "not reached" not in done.stdout
    assert "died of KeyError" in done.stdout


#        id                    cells                                       what is said
BAD = [
    ("not Python", ["x = 1", "y = 2\nfor x in"], ["cell 2", "Cell In[2], line 2", "SyntaxError: invalid syntax"]),
    ("no code", [], ["net.ipynb has no code cells"]),
    ("unknown command", ["/f x"], ["cell 1", "Cell In[1], line 1", "SyntaxError"]),
]


@pytest.mark.parametrize(("cells", "said"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_what_cannot_be_run_is_refused_in_one_paragraph(cells, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "net.ipynb", cells)
    with pytest.raises(UnusableError) as raised:
        program_of("net.ipynb")
    assert [words for words in said if words not in str(raised.value)] == []
    assert "Traceback" not in str(raised.value)


def test_no_such_notebook(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "network.ipynb", NETWORK)
    with pytest.raises(UnusableError, match=r"there is no file netwrok.ipynb: there is network.ipynb"):
        program_of("netwrok.ipynb")


def test_a_notebook_that_changed_meanwhile_is_left_alone(tmp_path):
    # Trials may write nothing: it is changed once.
    change = "path = 'net.ipynb'\nif not open(path).read().endswith(' '):\n    open(path, 'a').write(' ')"
    write(tmp_path / "net.ipynb", [*CRASHING[:3], change, CRASHING[3]])
    done = diagnose(tmp_path, "--fix", "net.ipynb")
    assert done.returncode == 2
    assert "net.ipynb has changed since the program ran; nothing was written" in done.stderr
