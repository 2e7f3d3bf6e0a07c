import numpy as np

# --- data: is the point inside the ring? --------------------------------------
rng = np.random.RandomState(7)
points = rng.uniform(-2, 2, (2, 150))
radius = np.sqrt(np.sum(points ** 2, axis=0, keepdims=True))
inside = ((radius > 0.8) & (radius < 1.6)).astype(float)
X_train, Y_train = points[:, :120], inside[:, :120]
X_test, Y_test = points[:, 120:], inside[:, 120:]


def initialize(dims):
    params = {}
    for l in range(1, len(dims)):
        params['W' + str(l)] = rng.randn(dims[l], dims[l - 1])
        params['b' + str(l)] = np.zeros((dims[l], 1))
    return params


def forward(X, params):
    cache = {'A0': X}
    L = len(params) // 2
    for l in range(1, L + 1):
        Z = np.dot(params['W' + str(l)], cache['A' + str(l - 1)]) + params['b' + str(l)]
        cache['A' + str(l)] = np.tanh(Z) if l < L else 1 / (1 + np.exp(-Z))
    return cache['A' + str(L)], cache


def cost(A, Y):
    return float(np.mean(-Y * np.log(A) - (1 - Y) * np.log(1 - A)))


def backward(Y, params, cache):
    L = len(params) // 2
    m = Y.shape[1]
    grads = {}
    dZ = cache['A' + str(L)] - Y
    for l in range(L, 0, -1):
        grads['W' + str(l)] = np.dot(dZ, cache['A' + str(l - 1)].T) / m
        grads['b' + str(l)] = np.sum(dZ, axis=1, keepdims=True) / m
        if l > 1:
            dZ = np.dot(params['W' + str(l)].T, dZ) * (1 - cache['A' + str(l - 1)] ** 2)
    return grads


def update(params, grads, alpha):
    for key in params:
        params[key] = params[key] - alpha * grads[key]
    return params


params = initialize([2, 8, 1])
costs = []
for it in range(1000):
    A, cache = forward(X_train, params)
    costs.append(cost(A, Y_train))
    params = update(params, backward(Y_train, params, cache), 1.0)
print("training done, cost %.4f -> %.4f" % (costs[0], costs[-1]))

prediction, _ = forward(X_test, params)
print("test accuracy %.2f" % np.mean((prediction > 0.5) == (Y_test > 0.5)))
