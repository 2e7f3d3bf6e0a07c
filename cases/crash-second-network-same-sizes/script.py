import numpy as np


class Reg:
    """tiny regression network: tanh hidden layer, linear output"""

    def __init__(self, n_in, n_hid, rng):
        self.Wh = rng.normal(0, 1 / np.sqrt(n_in), (n_in, n_hid))
        self.bh = np.zeros((1, n_hid))
        self.Wo = rng.normal(0, 1 / np.sqrt(n_hid), (n_hid, 1))
        self.bo = np.zeros((1, 1))

    def predict(self, X):
        self.X = X
        self.H = np.tanh(X.dot(self.Wh) + self.bh)
        return self.H.dot(self.Wo) + self.bo

    def step(self, X, y, eta):
        err = self.predict(X) - y
        n = X.shape[0]
        grad_Wo = self.H.T.dot(err) / n
        grad_bo = err.mean(axis=0, keepdims=True)
        delta = err.dot(self.Wo.T) * (1 - self.H ** 2)
        grad_Wh = X.T.dot(delta) / n
        grad_bh = delta.mean(axis=0, keepdims=True)
        for p, g in ((self.Wo, grad_Wo), (self.bo, grad_bo), (self.Wh, grad_Wh), (self.bh, grad_bh)):
            p -= eta * g
        return float(np.mean(err ** 2))


def fit(model, X, y, eta, steps):
    hist = [model.step(X, y, eta) for _ in range(steps)]
    return hist


rng = np.random.default_rng(30)
X = rng.uniform(-1, 1, (90, 2))
y = (X[:, 0] * X[:, 1] + 0.3 * X[:, 0] ** 2).reshape(-1, 1)
n_features = X.shape[1]

# 1. plain features
plain = Reg(n_features, 6, rng)
hist_plain = fit(plain, X, y, 0.2, 400)
print("plain features : mse %.5f" % hist_plain[-1])

# 2. squares and the cross term as well, should be much easier
X_poly = np.column_stack([X, X ** 2, X[:, 0] * X[:, 1]])
poly = Reg(n_features, 6, rng)
hist_poly = fit(poly, X_poly, y, 0.2, 400)
print("with polynomials: mse %.5f" % hist_poly[-1])
