import numpy as np

np.random.seed(11)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def initialize(n_in, n_hidden, n_out):
    return {
        "W1": np.random.randn(n_hidden, n_in) / np.sqrt(n_in), "b1": np.zeros((n_hidden, 1)),
        "W2": np.random.randn(n_out, n_hidden) / np.sqrt(n_hidden), "b2": np.zeros((n_out, 1)),
    }


def forward(X, params):
    Z1 = params["W1"] @ X + params["b1"]
    A1 = np.tanh(Z1)
    Z2 = params["W2"] @ A1 + params["b2"]
    A2 = sigmoid(Z2)
    return A2, (A1, A2)


def backward(X, Y, params, cache):
    A1, A2 = cache
    n = X.shape[1]
    dZ2 = A2 - Y
    dZ1 = params["W2"].T @ dZ2 * (1 - A1 ** 2)
    grads = {}
    grads["W2"] = dZ2 @ A2.T / n
    grads["b2"] = dZ2.sum(axis=1, keepdims=True) / n
    grads["W1"] = dZ1 @ X.T / n
    grads["b1"] = dZ1.sum(axis=1, keepdims=True) / n
    return grads


def update(params, grads, rate):
    for key in params:
        params[key] = params[key] - rate * grads[key]
    return params


# which of two sensors is louder
X = np.random.randn(4, 60)
Y = (np.abs(X[0:1]) + 0.3 * X[1:2] > np.abs(X[2:3])).astype(float)

params = initialize(4, 5, 1)
history = []
for epoch in range(400):
    A2, cache = forward(X, params)
    history.append(-np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2)))
    params = update(params, backward(X, Y, params, cache), 0.8)
    if epoch % 100 == 0:
        print("epoch %3d  cost %.4f" % (epoch, history[-1]))
print("learned:", {k: v.shape for k, v in params.items()})
