import numpy as np


def forward(params, X):
    A1 = np.tanh(np.matmul(X, params["W1"]) + params["b1"])
    Z2 = np.matmul(A1, params["W2"]) + params["b2"]
    E = np.exp(Z2)
    return E / E.sum(axis=1, keepdims=True), A1


def backward(params, X, T):
    out, A1 = forward(params, X)
    error = (out - T) / len(T)
    dW2 = np.matmul(A1.T, error)
    db2 = error.sum()
    dA1 = np.matmul(error, params["W2"].T)
    dZ1 = dA1 * (1 - np.square(A1))
    dW1 = np.matmul(X.T, dZ1)
    db1 = dZ1.sum(axis=0)
    return dict(W1=dW1, b1=db1, W2=dW2, b2=db2)
