import numpy as np


def softmax(z):
    e = np.exp(z - np.max(z, axis=1, keepdims=True))
    return e / np.sum(e, axis=1, keepdims=True)


def forward(params, X):
    a1 = np.tanh(np.dot(X, params["W1"]) + params["b1"])
    return softmax(np.dot(a1, params["W2"]) + params["b2"]), a1


def backward(params, X, T):
    y, a1 = forward(params, X)
    d2 = (y - T) / T.shape[0]
    grads = {"W2": np.dot(a1.T, d2), "b2": d2.sum(axis=0)}
    d1 = np.dot(d2, params["W2"]) * (1 - a1 ** 2)
    grads["W1"] = np.dot(X.T, d1)
    grads["b1"] = d1.sum(axis=0)
    return grads
