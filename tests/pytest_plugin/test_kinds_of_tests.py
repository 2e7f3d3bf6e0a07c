"""Whatever kind of test it is that dies, it is run again and explained; a repair is not looked for here."""

from __future__ import annotations

from xml.etree import ElementTree

from .conftest import CRASHING, KEEPING

# Every test has a batch of another size: the same words at the same place would be explained once.
TESTS = """\
import asyncio
import unittest

import numpy as np
import pytest
from net import backward, forward, parameters


def zeros(batch, columns=2):
    return np.zeros((batch, columns))


@pytest.fixture
def params():
    return parameters()


@pytest.mark.parametrize("batch", [11, 12], ids=["first", "odd [id]::with signs"])
def test_parametrised(params, batch):
    if batch == 12:
        backward(params, zeros(batch, 3), zeros(batch))


class TestInClass:
    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def prepared(cls):
        cls.params = parameters()

    def test_class_fixture(self):
        backward(self.params, zeros(13, 3), zeros(13))


class Old(unittest.TestCase):
    def setUp(self):
        self.params = parameters()

    def test_unittest(self):
        with self.subTest("fits"):
            forward(self.params, zeros(14, 3))
        backward(self.params, zeros(14, 3), zeros(14))

    def tearDown(self):
        self.params.clear()


@pytest.fixture
def grads(params):
    return backward(params, zeros(15, 3), zeros(15))


def test_fixture_dies(grads):
    pass


def test_writes_into_its_own_folder(params, tmp_path, capsys, monkeypatch):
    (tmp_path / "weights.npy").write_bytes(b"")
    np.save(tmp_path / "weights.npy", params["W1"])
    monkeypatch.setenv("NAME", "x")
    print("seen")
    assert capsys.readouterr().out == "seen\\n"
    backward({**params, "W1": np.load(tmp_path / "weights.npy")}, zeros(16, 3), zeros(16))


def test_in_the_test_itself():
    first, second = np.ones((3, 2)), np.ones((3, 17))
    assert (first @ second).size


def test_asserts_a_shape(params):
    total = forward(params, zeros(18, 3))[0].sum(axis=1)
    assert total.shape == (18, 1)


async def test_async(params):
    await asyncio.sleep(0)
    backward(params, zeros(20, 3), zeros(20))


def test_has_nothing_to_do_with_shapes():
    word = "rewritten"
    assert word == "plain"


def test_passes():
    asyncio.run(asyncio.sleep(0))
"""
DOCTEST = '''
def documented(params):
    """Runs once.

    >>> import numpy as np
    >>> documented(parameters())
    """
    return backward(params, np.zeros((19, 3)), np.zeros((19, 2)))
'''
# As plugins for asynchronous tests do.
ASYNC = """
import asyncio
import inspect

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    if inspect.iscoroutinefunction(pyfuncitem.obj):
        asyncio.run(pyfuncitem.obj(**{n: pyfuncitem.funcargs[n] for n in pyfuncitem._fixtureinfo.argnames}))
        return True
"""
EXPLAINED = {
    "test_net.py::test_parametrised[odd [id]::with signs]": ("SC101", "net.py", 16),
    "test_net.py::TestInClass::test_class_fixture": ("SC101", "net.py", 16),
    "test_net.py::Old::test_unittest": ("SC101", "net.py", 16),
    "test_net.py::test_fixture_dies": ("SC101", "net.py", 16),
    "test_net.py::test_writes_into_its_own_folder": ("SC101", "net.py", 16),
    "test_net.py::test_in_the_test_itself": ("SC101", "test_net.py", 67),
    "test_net.py::test_asserts_a_shape": ("SC110", "test_net.py", 72),
    "test_net.py::test_async": ("SC101", "net.py", 16),
    "net.py::net.documented": ("SC101", "net.py", 16),
}


def test_each_kind_is_explained(project):
    run = project(net__py=CRASHING + DOCTEST, test_net__py=TESTS, conftest__py=KEEPING + ASYNC)
    done = run("-q", "--doctest-modules", "--junitxml=out.xml", "--shapecheck-trials=off", "--shapecheck-budget=250")
    found = {
        name: (finding["code"], finding["location"]["path"].rpartition("/")[2], finding["location"]["line"])
        for name, report in done.data().items()
        for finding in report["findings"]
    }
    assert found == EXPLAINED, done.text
    assert len(done.sections) == len(EXPLAINED)
    assert all(section.startswith("shapecheck: ") and "error[SC1" in section for section in done.sections)
    # The user's own failures are what they are without us.
    assert "9 failed, 2 passed, 1 error" in done.text
    assert "AssertionError: assert 'rewritten' == 'plain'" in done.text
    assert "ValueError: shapes (12,2) and (4,2) not aligned" in done.text
    explained_in_xml = [
        case.get("name")
        for case in ElementTree.parse(done.folder / "out.xml").iter("testcase")
        for outcome in (*case.iter("failure"), *case.iter("error"))
        if "error[SC1" in (outcome.text or "")
    ]
    assert len(explained_in_xml) == len(EXPLAINED)
