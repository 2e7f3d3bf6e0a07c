import numpy as np

rng = np.random.RandomState(31)
X = rng.randn(64, 2)
Y = (X[:, :1] * X[:, 1:] > 0).astype(float)
Wa, Wb = rng.randn(2, 9), rng.randn(9, 1) * 0.5
ba, bb = np.zeros((1, 9)), np.zeros((1, 1))


def squash(v):
    return 1 / (1 + np.exp(-v))


def think(x):
    middle = squash(x @ Wa + ba)
    return middle, squash(middle @ Wb + bb)


costs = []
for i in range(600):
    middle, guess = think(X)
    costs.append(np.mean((think(X)[1] - Y) ** 2))
    top = (guess - Y) * guess * (1 - guess)
    low = top @ Wb.T * middle * (1 - middle)
    Wb = Wb - 0.3 * middle.T @ top
    bb = bb - 0.3 * np.sum(top, axis=0, keepdims=True)
    Wa = Wa - 0.3 * X.T @ low
    ba = ba - 0.3 * np.sum(low, axis=0, keepdims=True)
print("cost", costs[0], "->", costs[-1])
