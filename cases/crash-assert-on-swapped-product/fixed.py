import numpy as np

np.random.seed(6)


def init_params(dims):
    p = {}
    for l in range(1, len(dims)):
        p[f"W{l}"] = np.random.randn(dims[l], dims[l - 1]) * np.sqrt(1 / dims[l - 1])
        p[f"b{l}"] = np.zeros((dims[l], 1))
    return p


def softmax(Z):
    T = np.exp(Z - np.max(Z, axis=0))
    return T / np.sum(T, axis=0)


def model_forward(X, p):
    L = len(p) // 2
    A, caches = X, []
    for l in range(1, L + 1):
        A_prev = A
        Z = p[f"W{l}"] @ A_prev + p[f"b{l}"]
        A = softmax(Z) if l == L else np.tanh(Z)
        caches.append((A_prev, A))
    return A, caches


def linear_backward(dZ, A_prev, W):
    m = A_prev.shape[1]
    dW = np.dot(dZ, A_prev.T) / m
    db = np.sum(dZ, axis=1, keepdims=True) / m
    dA_prev = np.dot(W.T, dZ)
    return dW, db, dA_prev


def model_backward(AL, Y, caches, p):
    grads = {}
    L = len(caches)
    dZ = AL - Y
    for l in range(L, 0, -1):
        A_prev, _ = caches[l - 1]
        grads[f"dW{l}"], grads[f"db{l}"], dA = linear_backward(dZ, A_prev, p[f"W{l}"])
        dZ = dA * (1 - A_prev ** 2)
    return grads


def update(p, grads, rate):
    for l in range(len(p) // 2, 0, -1):
        # better safe than sorry
        assert grads[f"dW{l}"].shape == p[f"W{l}"].shape
        assert grads[f"db{l}"].shape == p[f"b{l}"].shape
        p[f"W{l}"] -= rate * grads[f"dW{l}"]
        p[f"b{l}"] -= rate * grads[f"db{l}"]


X = np.random.randn(3, 90)
side = (X[0] ** 2 + X[1] > 0.5).astype(int)
Y = np.eye(2)[side].T

params = init_params([3, 6, 4, 2])
costs = []
for i in range(500):
    AL, caches = model_forward(X, params)
    costs.append(-np.mean(np.sum(Y * np.log(AL), axis=0)))
    update(params, model_backward(AL, Y, caches, params), 0.5)
    if i % 100 == 0:
        print(f"cost after {i}: {costs[-1]:.4f}")
print(f"accuracy {np.mean(AL.argmax(axis=0) == side):.2f}")
