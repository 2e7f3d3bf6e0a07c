"""Rprop-: only the sign of every partial derivative is used, each weight has its own step size."""
import numpy as np

np.random.seed(123)
XOR_in = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=float)   # last column = bias unit
XOR_out = np.array([[0.], [1.], [1.], [0.]])

syn0 = 2 * np.random.random((3, 5)) - 1
syn1 = 2 * np.random.random((6, 1)) - 1
step0, step1 = np.full(syn0.shape, .05), np.full(syn1.shape, .05)
prev0, prev1 = np.zeros_like(syn0), np.zeros_like(syn1)


def nonlin(x):
    return 1 / (1 + np.exp(-x))


def net(l0):
    l1 = nonlin(np.dot(l0, syn0))
    l1b = np.hstack([l1, np.ones((len(l1), 1))])
    return l1, l1b, nonlin(np.dot(l1b, syn1))


def rprop(w, g, g_old, step):
    s = g * g_old
    step = np.where(s > 0, np.minimum(step * 1.2, 2.0), np.where(s < 0, np.maximum(step * 0.5, 1e-6), step))
    g = np.where(s < 0, 0, g)             # after a change of sign: do not move, forget the gradient
    return w - np.sign(g) * step, g, step


for it in range(80):
    l1, l1b, l2 = net(XOR_in)
    err = l2 - XOR_out
    if it % 10 == 0:
        print("epoch %3d  E = %.6f" % (it, 0.5 * np.sum(err ** 2)))
    l2_delta = err * l2 * (1 - l2)
    l1_delta = np.dot(l2_delta, syn1[:-1].T) * l1 * (1 - l1)     # nothing flows into the bias unit
    grad1 = np.dot(l1b.T, l2_delta)
    grad0 = np.dot(XOR_in.T, l1_delta)
    syn1, prev1, step1 = rprop(syn1, grad1, prev1, step1)
    syn0, prev0, step0 = rprop(syn0, grad0, prev0, step0)
print(net(XOR_in)[2].round(3).ravel())
