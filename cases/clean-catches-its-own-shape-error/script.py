import numpy as np

rng = np.random.RandomState(14)


def hidden(W, b, x):
    try:
        return np.tanh(np.dot(x, W) + b)
    except ValueError:
        # somebody passed columns
        return np.tanh(np.dot(x.T, W) + b)


def predict(model, x):
    return np.dot(hidden(model[0], model[1], x), model[2]) + model[3]


def train(model, x, y, rate):
    W, b, v, c = model
    h = hidden(W, b, x)
    e = np.dot(h, v) + c - y
    dh = np.dot(e, v.T) * (1 - h * h)
    grads = [np.dot(x.T, dh), dh.sum(axis=0), np.dot(h.T, e), e.sum(axis=0)]
    for p, g in zip(model, grads):
        p -= rate * g / len(x)
    return np.mean(e ** 2)


x = rng.uniform(-1, 1, (100, 3))
y = np.stack((x[:, 0] * x[:, 1], x[:, 2] ** 2), axis=1)
model = [rng.randn(3, 10), rng.randn(10), rng.randn(10, 2) * 0.3, np.zeros(2)]

mse = []
for i in range(800):
    mse.append(train(model, x, y, 0.3))
print("mse", mse[0].round(4), "->", mse[-1].round(5))

point = np.array([0.5, -0.5, 0.9])
print("as a vector", predict(model, point).round(3))
print("as a row   ", predict(model, point.reshape(1, 3)).round(3))
print("as a column", predict(model, point.reshape(3, 1)).round(3))
