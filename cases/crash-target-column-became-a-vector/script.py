import io
import numpy as np

rng = np.random.default_rng(50)

# normally this is a csv file: area, age, price
lines = ["%.3f,%.3f,%.3f" % (a, b, 4.0 + 3.0 * a - 1.5 * b + e)
         for a, b, e in zip(rng.random(50), rng.random(50), 0.1 * rng.standard_normal(50))]
table = np.loadtxt(io.StringIO("\n".join(lines)), delimiter=",")


def split(data):
    """features with an intercept, and the target"""
    X = np.column_stack((np.ones(len(data)), data[:, :-1]))
    y = data[:, -1]
    return X, y


def mse(X, y, w):
    return np.mean((X @ w - y) ** 2)


def grad(X, y, w):
    residual = X @ w - y
    return 2.0 / len(X) * (X.T @ residual)


X, y = split(table)
w = np.zeros((X.shape[1], 1))

log = [mse(X, y, w)]
for it in range(800):
    w -= 0.4 * grad(X, y, w)
    log.append(mse(X, y, w))

print("mse at the start: %.3f" % log[0])
print("mse at the end:   %.4f" % log[-1])
print("w:", w.ravel().round(2), "(wanted about 4, 3, -1.5)")
