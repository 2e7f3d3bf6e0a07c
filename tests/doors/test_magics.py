"""A notebook's commands become Python, each on the line where it was; Python is left alone."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shapecheck.trace.magics import is_python, translate

#        id                          cell                                     Python
CELLS = [
    ("python", "x = 1\ny = x % 2\n", "x = 1\ny = x % 2\n"),
    ("magic", "%matplotlib inline\nx = 1", "get_ipython().run_line_magic('matplotlib', 'inline')\nx = 1"),
    ("magic without words", "%pylab", "get_ipython().run_line_magic('pylab', '')"),
    (
        "inside a block",
        "if x:\n    %cd data\n    y = 1",
        "if x:\n    get_ipython().run_line_magic('cd', 'data')\n    y = 1",
    ),
    ("shell", "!pip install numpy\nx = 1", "get_ipython().system('pip install numpy')\nx = 1"),
    ("shell twice", "!!ls", "get_ipython().system('ls')"),
    ("shell over lines", "!ls \\\n  -l\nx = 1", "get_ipython().system('ls    -l')\n\nx = 1"),
    ("shell's output", "files = !ls *.npz\nx = 1", "files = get_ipython().getoutput('ls *.npz')\nx = 1"),
    ("magic's result", "where = %pwd", "where = get_ipython().run_line_magic('pwd', '')"),
    ("several targets", "a, b = !ls", "a, b = get_ipython().getoutput('ls')"),
    ("help", "np.dot?\nx = 1", "get_ipython().run_line_magic('pinfo', 'np.dot')\nx = 1"),
    ("help before", "?np.dot", "get_ipython().run_line_magic('pinfo', 'np.dot')"),
    ("source", "net.train??", "get_ipython().run_line_magic('pinfo', 'net.train')"),
    ("timed statement", "%time W = W - rate * dW", "W = W - rate * dW"),
    ("timed loop", "x = 1\n%time for i in range(3): step()", "x = 1\nfor i in range(3): step()"),
    ("timed with options", "%timeit -n 10 -r3 np.dot(a, b)", "np.dot(a, b)"),
    ("timed with options apart", "%timeit -r 1 -n1 -q sum(x)", "sum(x)"),
    ("profiled", "%prun -r -s cumtime -l 10 f(-1)", "f(-1)"),
    ("an option that is code", "%time -x", "-x"),
    ("timed, flags", "%timeit -o -q f(-n)", "f(-n)"),
    ("timed nothing", "%time", "pass"),
    ("timed in a block", "for i in x:\n    %time f(i)", "for i in x:\n    f(i)"),
    ("timed cell", "%%time\nx = 1\nx", "\nx = 1\nx"),
    ("timed cell with a command", "%%timeit -n 1\n%cd data\nx", "\nget_ipython().run_line_magic('cd', 'data')\nx"),
    ("timed cell with a preparation", "%%timeit -n 1 x = 1\ny = x", "x = 1\ny = x"),
    ("timed cell with options", "%%prun -s time\ny = x", "\ny = x"),
    ("captured", "%%capture out\nx = 1", "out = get_ipython()\nx = 1"),
    ("captured, not kept", "%%capture\nx = 1", "\nx = 1"),
    ("captured, option", "%%capture --no-stderr\nx = 1", "\nx = 1"),
    ("blank lines before", "\n\n%%time\nx = 1", "\n\n\nx = 1"),
    ("another language", "%%bash\nls | wc\n", "get_ipython().run_cell_magic('bash', '', 'ls | wc\\n')\n\n"),
    ("a file", "%%writefile a.py\nx = 1", "get_ipython().run_cell_magic('writefile', 'a.py', 'x = 1')\n"),
    (
        "modulo over lines",
        "s = ('%d'\n     % 3)\n%cd x",
        "s = ('%d'\n     % 3)\nget_ipython().run_line_magic('cd', 'x')",
    ),
    ("after a backslash", "s = '%d' \\\n% 3\n%cd x", "s = '%d' \\\n% 3\nget_ipython().run_line_magic('cd', 'x')"),
    ("in a long string", 's = """\n%cd x\n!ls\n"""\n!ls', 's = """\n%cd x\n!ls\n"""\nget_ipython().system(\'ls\')'),
    ("brackets in strings", "s = '(['\n!ls", "s = '(['\nget_ipython().system('ls')"),
    ("brackets in comments", "s = 1  # (\n!ls", "s = 1  # (\nget_ipython().system('ls')"),
    ("quotes in strings", "s = \"it's\"\nt = 'a\\''\n!ls", "s = \"it's\"\nt = 'a\\''\nget_ipython().system('ls')"),
    ("a question in a comment", "x = 1  # really?\n!ls", "x = 1  # really?\nget_ipython().system('ls')"),
    ("unequal", "if a != b:\n    !ls", "if a != b:\n    get_ipython().system('ls')"),
    ("indented as a whole", "  x = 1\n  if x:\n    y = 2", "x = 1\nif x:\n  y = 2"),
    ("await", "await f()\nasync with g() as x:\n    pass", "await f()\nasync with g() as x:\n    pass"),
]


@pytest.mark.parametrize(("cell", "python"), [case[1:] for case in CELLS], ids=[case[0] for case in CELLS])
def test_translation(cell, python):
    translation = translate(cell)
    assert translation.text == python
    ast.parse(python)


#        id                   cell, neither command nor Python
WRONG = [("syntax error", "x = = 1"), ("unclosed", "f(\n!ls"), ("python 2", "print 'x'"), ("a lone percent", "%")]


@pytest.mark.parametrize("cell", [case[1] for case in WRONG], ids=[case[0] for case in WRONG])
def test_what_is_neither_command_nor_python_is_left_for_python_to_refuse(cell):
    assert not is_python(translate(cell).text)
    assert translate(cell).text == cell


#        id             cell                       line  characters left out
REMOVED = [
    ("timed", "x = 1\n%time y = x", 2, len("%time ")),
    ("options", "%timeit -n 10 y = x", 1, len("%timeit -n 10 ")),
    ("preparation", "%%timeit -n 1 x = 1\ny = x", 1, len("%%timeit -n 1 ")),
    ("indented", "for i in x:\n    %time f(i)", 2, len("%time ")),
    ("margin", "  x = 1\n  y = 2", 2, 2),
]


@pytest.mark.parametrize(("cell", "line", "count"), [case[1:] for case in REMOVED], ids=[case[0] for case in REMOVED])
def test_columns_can_be_found_again(cell, line, count):
    translation = translate(cell)
    assert translation.removed[line] == count
    own, python = cell.split("\n")[line - 1], translation.lines[line - 1]
    start = len(python) - len(python.lstrip())
    assert own[start + count :] == python[start:]


PIECES = [
    "x = 1",
    "%time f(x)",
    "!ls",
    "y?",
    "if x:",
    "    y = (1,",
    "  2)",
    '"""',
    "'a\\",
    "%%time",
    "# %",
    "",
    "a = !b",
]


@given(st.lists(st.sampled_from(PIECES), max_size=8))
def test_every_line_stays_the_line_it_was(lines):
    cell = "\n".join(lines)
    translation = translate(cell)
    assert len(translation.lines) == max(len(lines), 1)
    if is_python(cell):
        assert translation.text == cell
