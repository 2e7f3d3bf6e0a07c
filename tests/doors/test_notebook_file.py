"""A notebook's file: what is read from it, and that nothing but a changed cell's strings is written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shapecheck.report.notebook import Notebook, NotebookError

from .notebooks import notebook

CELLS = ["import numpy as np\nx = 1", "", "  \n", "y = 'é → \\u00e9'\n", 'z = "quoted\\n"\n\nw = z\t# tab']


def styles() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "indent": st.sampled_from([None, 0, 1, 2, 4, "\t"]),
            "sort_keys": st.booleans(),
            "ensure_ascii": st.booleans(),
            "separators": st.sampled_from([None, (",", ":"), (" , ", " : ")]),
        }
    )


TEXTS = st.text(st.sampled_from("ab \n\t\"\\'é→\U0001f40d#\r"), max_size=30)


@settings(max_examples=150)
@given(st.lists(TEXTS, min_size=1, max_size=4), TEXTS, styles(), st.booleans(), st.sampled_from(["", "\n", "\r\n"]))
def test_only_the_changed_source_is_written(sources, new, style, lines, end):
    data = notebook(sources, lines=lines)
    text = json.dumps(data, **style) + end
    try:
        found = Notebook.parse(text.encode())
    except NotebookError:
        assert not any(source.strip() for source in sources)
        return
    assert [cell.source for cell in found.cells] == [source for source in sources if source.strip()]
    for cell in found.cells:
        changed = found.replaced({cell.number: new})
        start, after = cell.node.start, len(text) - cell.node.end
        assert changed[:start] == text[:start]
        assert changed[len(changed) - after :] == text[len(text) - after :]
        assert "".join(json.loads(changed[start : len(changed) - after])) == new
        assert found.replaced({cell.number: cell.source}) == text
        assert found.encode(text) == text.encode()


#        id                    the source's JSON                           new source       its JSON
KEPT = [
    ("lines", r'["a\n", "b\n", "c"]', "a\nB\nc", r'["a\n", "B\n", "c"]'),
    ("lines one below the other", '[\n  "a\\n",\n  "b"\n ]', "a\nx\nb", '[\n  "a\\n",\n  "x\\n",\n  "b"\n ]'),
    ("no blanks", r'["a\n","b"]', "a\nc", r'["a\n","c"]'),
    ("one line becomes two", '[\n   "a"\n  ]', "a\nb", '[\n   "a\\n",\n   "b"\n  ]'),
    ("one string", r'"a\nb\nc"', "a\nB\nc", r'"a\nB\nc"'),
    ("unusual escapes stay", r'["\u0061\/\n", "b"]', "a/\nc", r'["\u0061\/\n", "c"]'),
    ("unusual escapes in one string stay", r'"\u0061\/\u000ab"', "a/\nc", r'"\u0061\/\u000ac"'),
    ("escaped, as the others are", r'["\u00e9\n", "b"]', "é\nü", r'["\u00e9\n", "\u00fc"]'),
    ("unescaped, as the others are", r'["é\n", "b"]', "é\nü", r'["é\n", "ü"]'),
    ("a pair of surrogates", r'["\ud83d\udc0d\n", "b"]', "\U0001f40d\nc", r'["\ud83d\udc0d\n", "c"]'),
    ("several lines in one string of a list", r'["a\nb\n", "c"]', "a\nb\nd", r'["a\nb\n", "d"]'),
    ("a line cut in two", r'["a", "b\n", "c"]', "ab\nd", r'["ab\n", "d"]'),
]


@pytest.mark.parametrize(("old", "new", "wanted"), [case[1:] for case in KEPT], ids=[case[0] for case in KEPT])
def test_the_style_of_the_source_is_kept(old, new, wanted):
    before = f'{{"nbformat": 4, "cells": [{{"cell_type": "code", "source": {old}}}]}}'
    found = Notebook.parse(before.encode())
    assert found.replaced({1: new}) == before.replace(old, wanted)


def test_blank_cells_and_text_are_not_counted():
    found = Notebook.parse(json.dumps(notebook(CELLS)).encode())
    assert [(cell.number, cell.source) for cell in found.cells] == [(1, CELLS[0]), (2, CELLS[3]), (3, CELLS[4])]


def test_byte_order_mark_and_tags():
    data = b"\xef\xbb\xbf" + json.dumps(notebook([("x", ["raises-exception", "a"])])).encode()
    found = Notebook.parse(data)
    assert found.cells[0].tags == {"raises-exception", "a"}
    assert found.encode(found.text) == data


OLD = {"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "input": "x = 1"}]}]}
R = {"language_info": {"name": "R"}}
#        id                         file                                              what is said
BAD = [
    ("empty", b"", "is empty"),
    ("not JSON", b"x = 1\n", "not JSON (Expecting value at line 1, column 1)"),
    ("cut off", b'{"cells": [', "not JSON"),
    ("not text", b"\xff\xfe{}", "not UTF-8 text (byte 0)"),
    ("a list", b"[]", "no object with cells"),
    ("no cells", b"{}", "holds no list of cells"),
    ("no code", json.dumps(notebook([])).encode(), "no code cells"),
    ("blank code", json.dumps(notebook(["", " \n"])).encode(), "no code cells"),
    ("format 3", json.dumps(OLD).encode(), "old format 3: save it in the present one"),
    ("format 5", json.dumps({**notebook(["x"]), "nbformat": 5}).encode(), "newer"),
    ("R", json.dumps(notebook(["x <- 1"], **R)).encode(), "a notebook for R, not for Python"),
    ("Julia", json.dumps(notebook(["x"], kernelspec={"language": "julia"}, language_info={})).encode(), "for julia"),
    ("a source of numbers", b'{"cells": [{"cell_type": "code", "source": 3}]}', "is no text"),
    ("nested too deeply", b"[" * 100_000, "nested too deeply"),
]


@pytest.mark.parametrize(("data", "said"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_what_is_no_notebook(data, said):
    with pytest.raises(NotebookError) as raised:
        Notebook.parse(data)
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
