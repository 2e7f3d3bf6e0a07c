import numpy as np

rng = np.random.RandomState(2024)
D = 4

theta = rng.randn(2 * D * (D + 1)) * 0.6
W1 = theta[:D * (D + 1)].reshape(D, D + 1)      # views: changing theta changes them
W2 = theta[D * (D + 1):].reshape(D, D + 1)


def with_ones(A):
    return np.vstack((A, np.ones((1, A.shape[1]))))


def forward(X):
    H = np.tanh(W1 @ with_ones(X))
    return H, W2 @ with_ones(H)


def value_and_gradient(X, Y):
    H, out = forward(X)
    E = out - Y
    n = X.shape[1]
    G2 = E @ with_ones(H).T / n
    back = (W2[:, :-1].T @ E) * (1 - H ** 2)
    G1 = back @ with_ones(X).T / n
    return 0.5 * np.sum(E ** 2) / n, np.concatenate((G1, G2), axis=None)


# learn a permutation with changes of sign
P = np.array([[0, -1, 0, 0], [0, 0, 0, 1], [1, 0, 0, 0], [0, 0, -1, 0]], dtype=float)
J = []
for step in range(1500):
    X = rng.uniform(-1, 1, (D, D))              # a batch of four
    value, gradient = value_and_gradient(X, P @ X)
    theta -= 0.1 * gradient
    J.append(value)
    if step % 300 == 0:
        print("step", step, "value", round(value, 5))
print("mean of the last 50:", np.mean(J[-50:]).round(5))
