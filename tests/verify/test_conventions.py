"""Gradients up to a factor that the program's own update makes good, and the same factor where it does not."""

from __future__ import annotations

import numpy as np
import pytest

from shapecheck import GradientMismatchError, verify

rng = np.random.default_rng(4)
X, Y = rng.normal(size=(7, 3)), rng.normal(size=(7, 2))


def cost(w_in, w_out, X, Y):
    return 0.5 * np.mean(np.sum((np.tanh(X @ w_in) @ w_out - Y) ** 2, axis=1))


def sums(w_in, w_out, X, Y):
    h = np.tanh(X @ w_in)
    error = h @ w_out - Y
    return X.T @ (error @ w_out.T * (1 - h**2)), h.T @ error


def weights():
    r = np.random.default_rng(1)
    return r.normal(size=(3, 4)), r.normal(size=(4, 2))


@verify(loss=cost)
def scaled_steps(w_in, w_out, X, Y, learnrate):
    """As in a lesson: the change of the weights, learning rate and sign included."""
    g_in, g_out = sums(w_in, w_out, X, Y)
    delta_w_in = -learnrate * g_in / len(X)
    delta_w_out = -learnrate * g_out / len(X)
    return delta_w_in, delta_w_out


def test_steps_are_gradients_times_the_learning_rate():
    scaled_steps(*weights(), X, Y, 0.3)
    assert scaled_steps.verification.report.decided
    assert "these are steps: the gradient times `learnrate` (0.3)" in scaled_steps.verification.notes


@verify(loss=cost)
def odd_steps(w_in, w_out, X, Y, learnrate):
    g_in, g_out = sums(w_in, w_out, X, Y)
    delta_w_in = -learnrate * g_in / len(X)
    delta_w_out = -2 * learnrate * g_out / len(X)
    return delta_w_in, delta_w_out


def test_steps_of_two_rates_are_not():
    with pytest.raises(GradientMismatchError):
        odd_steps(*weights(), X, Y, 0.3)


@verify(loss=cost)
def summed(w_in, w_out, X, Y):
    sum_w_in, sum_w_out = sums(w_in, w_out, X, Y)
    return sum_w_in, sum_w_out


def train_on_sums(w_in, w_out, eta):
    sum_w_in, sum_w_out = summed(w_in, w_out, X, Y)
    w_in -= eta / len(X) * sum_w_in
    w_out -= eta / len(X) * sum_w_out


def test_a_sum_that_the_update_divides_is_right():
    train_on_sums(*weights(), 0.1)
    assert summed.verification.report.decided
    assert "these are 7 times the gradient of the loss, and your update divides" in summed.verification.notes


@verify(loss=cost)
def undivided(w_in, w_out, X, Y):
    whole_w_in, whole_w_out = sums(w_in, w_out, X, Y)
    return whole_w_in, whole_w_out


def train_too_fast(w_in, w_out, eta):
    whole_w_in, whole_w_out = undivided(w_in, w_out, X, Y)
    w_in -= eta * whole_w_in
    w_out -= eta * whole_w_out


def test_a_sum_that_nothing_divides_is_wrong_and_the_batch_is_named():
    with pytest.raises(GradientMismatchError) as caught:
        train_too_fast(*weights(), 0.1)
    assert "7 times the right" in str(caught.value)
    assert "`X`" in str(caught.value)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_sign_that_was_said_decides(sign):
    def negative(w_in, w_out, X, Y):
        delta_w_in, delta_w_out = (-g / len(X) for g in sums(w_in, w_out, X, Y))
        return delta_w_in, delta_w_out

    checked = verify(negative, loss=cost, sign=sign)
    if sign == 1:
        with pytest.raises(GradientMismatchError):
            checked(*weights(), X, Y)
    else:
        checked(*weights(), X, Y)
        assert checked.verification.report.decided


def test_the_sign_of_one_gradient_alone_is_wrong_whatever_the_update():
    def mixed(w_in, w_out, X, Y):
        delta_w_in, delta_w_out = (g / len(X) for g in sums(w_in, w_out, X, Y))
        return -delta_w_in, delta_w_out

    with pytest.raises(GradientMismatchError):
        verify(mixed, loss=cost)(*weights(), X, Y)
