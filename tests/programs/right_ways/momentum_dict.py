"""Two-layer net on a noisy ring, classical momentum kept in a dict next to the parameters."""
import numpy as np

np.random.seed(0)


def make_ring(n):
    X = np.random.uniform(-1.5, 1.5, (2, n))
    Y = (np.sum(X ** 2, axis=0, keepdims=True) < 1).astype(float)
    return X, Y


def init(n_x, n_h):
    p = {'W1': np.random.randn(n_h, n_x) * 0.5, 'b1': np.zeros((n_h, 1)),
         'W2': np.random.randn(1, n_h) * 0.5, 'b2': np.zeros((1, 1))}
    v = {k: np.zeros_like(w) for k, w in p.items()}
    return p, v


def forward(p, X):
    A1 = np.tanh(p['W1'] @ X + p['b1'])
    A2 = 1. / (1. + np.exp(-(p['W2'] @ A1 + p['b2'])))
    return A1, A2


def cost(A2, Y):
    return -np.mean(Y * np.log(A2 + 1e-12) + (1 - Y) * np.log(1 - A2 + 1e-12))


def gradients(p, X, Y):
    m = X.shape[1]
    A1, A2 = forward(p, X)
    dZ2 = (A2 - Y) / m
    dZ1 = (p['W2'].T @ dZ2) * (1 - A1 ** 2)
    return {'W1': dZ1 @ X.T, 'b1': dZ1.sum(axis=1, keepdims=True),
            'W2': dZ2 @ A1.T, 'b2': dZ2.sum(axis=1, keepdims=True)}


X, Y = make_ring(300)
params, velocity = init(2, 8)
mu, lr = 0.9, 0.1
for it in range(800):
    grads = gradients(params, X, Y)
    for k in params:
        # velocity is what gets *added*: v <- mu v - lr g ; w <- w + v
        velocity[k] = mu * velocity[k] - lr * grads[k]
        params[k] = params[k] + velocity[k]
    if it % 200 == 0:
        print(it, cost(forward(params, X)[1], Y))
print('accuracy', np.mean((forward(params, X)[1] > .5) == Y))
