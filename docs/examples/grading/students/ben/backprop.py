import numpy as np


def forward(params, X):
    hidden = np.tanh(X @ params["W1"] + params["b1"])
    z = hidden @ params["W2"] + params["b2"]
    exps = np.exp(z)
    return exps / np.sum(exps, axis=1, keepdims=True), hidden


def backward(params, X, T):
    probs, hidden = forward(params, X)
    delta2 = (probs - T) / X.shape[0]
    # derivative of the activation
    delta1 = delta2.dot(params["W2"].T) * hidden * (1 - hidden)
    return {
        "W1": X.T.dot(delta1),
        "b1": np.sum(delta1, axis=0),
        "W2": hidden.T.dot(delta2),
        "b2": np.sum(delta2, axis=0),
    }
