import numpy as np


def forward(params, X):
    A1 = np.tanh(X @ params["W1"] + params["b1"])
    scores = A1 @ params["W2"] + params["b2"]
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True), A1


def backward(params, X, T):
    P, A1 = forward(params, X)
    m = len(X)
    dZ2 = (P - T) / m
    dZ1 = dZ2 @ params["W2"].T * (1 - A1**2)
    return {"W1": X.T @ dZ1, "b1": dZ1.sum(axis=0), "W2": A1.T @ dZ2, "b2": dZ2.sum(axis=0)}
