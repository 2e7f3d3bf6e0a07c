import numpy as np

rng = np.random.default_rng(111)

EPOCHS = 50
rates = np.linspace(1.0, 0.05, EPOCHS)


def elu(z):
    return np.where(z > 0, z, np.expm1(z))


def elu_slope(z):
    return np.where(z > 0, 1.0, np.exp(z))


def losses_and_grads(params, X, Y):
    Wa, Wb = params
    Z = X @ Wa
    H = elu(Z)
    R = H @ Wb - Y
    dWb = H.T @ R / len(X)
    dWa = X.T @ (R @ Wb.T * elu_slope(Z)) / len(X)
    return 0.5 * np.sum(R ** 2) / len(X), [dWa, dWb]


def train(params, X, Y):
    report = []
    for epoch in range(EPOCHS):
        loss, grads = losses_and_grads(params, X, Y)
        report.append(loss)
        # start fast, end slow
        for i in reversed(range(len(params))):
            params[i] -= 0.3 * rates * grads[i]
        if epoch % 10 == 0:
            print(f"epoch {epoch}: {loss:.5f}")
    return report


X = np.hstack([rng.normal(size=(90, 3)), np.ones((90, 1))])
Y = np.column_stack([np.maximum(X[:, 0], -0.5), X[:, 1] - X[:, 2]])
params = [rng.normal(size=(4, 7)) * 0.5, rng.normal(size=(7, 2)) * 0.5]
report = train(params, X, Y)
print("done:", report[-1])
