"""Numbers that were printed by others, reproduced to the last digit; and networks that must learn what they claim."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from reference_nets import admissions, deep_network, delta_rule
from reference_nets.catalogue import ENTRIES
from reference_nets.optimizers import Adam, Descent, Momentum

TABLE = Path(__file__).parents[3] / "shared" / "data" / "binary.csv"
needs_table = pytest.mark.skipif(not TABLE.exists(), reason="the table of admissions does not belong to the project")

PRINTED = [
    *("0.251357252426", "0.249965407188", "0.248620052189", "0.247319932172", "0.246063804656"),
    *("0.244850441793", "0.243678632019", "0.242547181518", "0.241454915502", "0.240400679325"),
]


def test_worked_example_prints_what_the_lesson_prints():
    input_hidden, hidden_output = delta_rule.worked_example()
    assert str(hidden_output) == "[0.00804047 0.00555918]"
    assert str(input_hidden).splitlines() == [
        "[[ 1.77005547e-04 -5.11178506e-04]",
        " [ 3.54011093e-05 -1.02235701e-04]",
        " [-7.08022187e-05  2.04471402e-04]]",
    ]


@pytest.fixture(scope="module")
def exercise():
    return list(admissions.run(TABLE))


@needs_table
def test_the_ten_printed_losses(exercise):
    assert [p.note.split()[-1] for p in exercise[:10]] == PRINTED


@needs_table
def test_the_losses_that_were_meant(exercise):
    assert (f"{exercise[0].loss:.12f}", f"{exercise[9].loss:.12f}") == ("0.268560154404", "0.254413615431")


@needs_table
def test_accuracy_after_the_last_epoch(exercise):
    assert (exercise[-1].step, exercise[-1].accuracy) == (899, 0.725)


@needs_table
def test_one_epoch_is_the_sum_of_the_steps_of_single_records():
    data = admissions.load_admissions(TABLE)
    W1, W2 = admissions.initialise(6)
    total = [np.zeros_like(W1), np.zeros_like(W2)]
    for x, target in zip(data.features, data.targets, strict=True):
        steps = delta_rule.weight_steps(x, float(target), *delta_rule.forward(x, W1, W2), W2)
        total = [a + b for a, b in zip(total, steps, strict=True)]
    for whole, parts in zip(admissions.epoch_steps(data.features, data.targets, W1, W2), total, strict=True):
        np.testing.assert_allclose(whole, parts, rtol=1e-12, atol=1e-14)


def test_table_of_admissions_that_is_not_one(tmp_path):
    path = tmp_path / "table.csv"
    for text, words in [
        ("a,b\n", "first line must be admit,gre,gpa,rank"),
        ("admit,gre,gpa,rank\n0,1,2\n", "line 2: 3 v"),
    ]:
        path.write_text(text)
        with pytest.raises(ValueError, match=words):
            admissions.read_table(path)


def test_fives_and_eights():
    pytest.importorskip("sklearn")
    *_, last = progress = list(deep_network.run())
    assert [line.step for line in progress] == list(range(12, 121, 12))
    test_accuracy = float(last.note.split()[-4].rstrip("%")) / 100
    assert last.accuracy >= 0.96
    assert test_accuracy >= 0.96


# Two have tests of their own above.
RUNS = [e.name for e in ENTRIES if e.name not in ("admissions", "deep_network") and hasattr(e.load(), "run")]


@pytest.mark.parametrize("name", RUNS)
def test_run_learns_and_shows_its_progress(name):
    entry = next(entry for entry in ENTRIES if entry.name == name)
    if "digits" in entry.source:
        pytest.importorskip("sklearn")
    progress = list(entry.load().run())
    assert len(progress) >= 3
    assert all(str(line).startswith("step") for line in progress)
    if name == "optimizers":  # its lines are three rules from one start, not one run
        descent, momentum, adam = (line.loss for line in progress)
        assert max(momentum, adam) < descent / 10
    else:
        assert progress[-1].loss < 0.75 * progress[0].loss
    steps = [line.step for line in progress]
    assert steps == sorted(steps)


def test_same_seed_same_run():
    module = next(entry for entry in ENTRIES if entry.name == "recurrent").load()
    first, again, other = ([p.loss for p in itertools.islice(module.run(seed=s), 3)] for s in (1, 1, 2))
    assert first == again != other


def test_adam_by_hand():
    """Two steps of algorithm 1 with numbers: the first is `rate` long whatever the gradient's size."""
    params = {"p": np.array([1.0, -2.0])}
    rule = Adam(rate=0.1, epsilon=0.0)
    rule.update(params, {"p": np.array([1e-3, 50.0])})
    np.testing.assert_allclose(params["p"], [0.9, -2.1], rtol=1e-12)
    rule.update(params, {"p": np.array([0.0, 50.0])})
    mean, square = 0.9 * 1e-4 / (1 - 0.81), 0.999 * 1e-9 / (1 - 0.999**2)
    np.testing.assert_allclose(params["p"], [0.9 - 0.1 * mean / np.sqrt(square), -2.2], rtol=1e-9)


def test_momentum_and_descent_by_hand():
    params = {"p": np.array([1.0])}
    rule = Momentum(rate=0.1, momentum=0.5)
    for expected in (0.8, 0.5, 0.15):  # v = -0.2, -0.3, -0.35
        rule.update(params, {"p": np.array([2.0])})
        np.testing.assert_allclose(params["p"], [expected])
    Descent(0.1).update(params, {"p": np.array([1.0])})
    np.testing.assert_allclose(params["p"], [0.05])


def test_updates_never_change_a_shape():
    with pytest.raises(TypeError, match=r"argument `step` of `descend_by` has shape \(3, 3\)"):
        Descent(0.1).update({"b": np.zeros((3, 1))}, {"b": np.zeros((3, 3))})
