import numpy as np


def perceptron_pocket(X, y, epochs, rng):
    """Rosenblatt's rule: only misclassified samples move the weights. Best weights stay in the pocket."""
    w = np.zeros(X.shape[1])
    pocket, pocket_err = w.copy(), np.inf
    for epoch in range(epochs):
        for i in rng.permutation(len(X)):
            if y[i] * np.dot(w, X[i]) <= 0:
                w = w + y[i] * X[i]
        err = np.mean(np.sign(X @ w) != y)
        if err < pocket_err:
            pocket, pocket_err = w.copy(), err
        if epoch % 5 == 0:
            print("epoch %2d  error %.3f  pocket %.3f" % (epoch, err, pocket_err))
    return pocket


def adaline(X, y, eta, epochs):
    """Widrow-Hoff / delta rule: same picture but the linear output is compared, w += eta * (t - o) * x."""
    w = np.zeros(X.shape[1])
    for _ in range(epochs):
        for xi, target in zip(X, y):
            output = w @ xi
            w += eta * (target - output) * xi
    return w


rng = np.random.default_rng(35)
n = 150
raw = rng.normal(size=(n, 2))
lab = np.where(1.5 * raw[:, 0] - raw[:, 1] + 0.4 + rng.normal(0, .25, n) > 0, 1.0, -1.0)
data = np.column_stack([np.ones(n), raw])
w = perceptron_pocket(data, lab, 21, rng)
print("pocket weights", w / np.linalg.norm(w))
w = adaline(data, lab, 0.01, 20)
print("adaline weights", w / np.linalg.norm(w), "error", np.mean(np.sign(data @ w) != lab))
