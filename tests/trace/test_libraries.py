"""Which files are the user's: what Python and its packages bring is never recorded."""

from __future__ import annotations

import json.decoder
import os

import numpy as np
import pytest

from shapecheck.trace import libraries
from shapecheck.trace.libraries import is_of_a_library


@pytest.mark.parametrize(
    ("path", "theirs"),
    [
        (json.decoder.__file__, True),
        (np.__file__, True),
        (__file__, False),
        ("/work/python3.11/net.py", False),
        ("/work/site-packages-of-mine/net.py", False),
        ("/work/.venv/lib/python3.11/site-packages/net.py", True),
    ],
)
def test_files(path, theirs):
    assert is_of_a_library(path) is theirs


def test_a_link_to_a_file_of_the_standard_library(tmp_path):
    link = tmp_path / "decoder.py"
    link.symlink_to(json.decoder.__file__)
    assert is_of_a_library(str(link))


def test_a_file_of_the_standard_library_that_is_a_link_to_elsewhere(tmp_path, monkeypatch):
    (tmp_path / "etc").mkdir()
    (tmp_path / "lib").mkdir()
    kept = tmp_path / "etc" / "sitecustomize.py"
    kept.write_text("")
    link = tmp_path / "lib" / "sitecustomize.py"
    link.symlink_to(kept)
    monkeypatch.setattr(libraries, "_standard", lambda: (f"{tmp_path / 'lib'}{os.sep}",))
    assert is_of_a_library(str(link))
