import numpy as np

rng = np.random.RandomState(2)
xs = rng.randn(80, 4)
ts = xs @ np.array([[0.5], [-1.0], [0.0], [2.0]]) * 0.3 + 0.1 * np.tanh(xs[:, :1])


def net_output(params, x):
    (w1, b1), (w2, b2) = params
    h = np.tanh(x.dot(w1) + b1)
    return h, h.dot(w2) + b2


def one_epoch(params, x, t, rate):
    (w1, b1), (w2, b2) = params
    h, y = net_output(params, x)
    dy = (y - t) / len(x)
    dh = dy.dot(w2.T) * (1 - h * h)
    w2 = w2 + rate * h.T.dot(dy)
    b2 = b2 + rate * dy.sum(axis=0)
    w1 = w1 + rate * x.T.dot(dh)
    b1 = b1 + rate * dh.sum(axis=0)
    return [(w1, b1), (w2, b2)]


params = [(rng.randn(4, 6) * 0.4, np.zeros(6)), (rng.randn(6, 1) * 0.4, np.zeros(1))]
errors = []
for epoch in range(60):
    errors.append(float(np.mean((net_output(params, xs)[1] - ts) ** 2)))
    params = one_epoch(params, xs, ts, 0.2)
print("error", errors[0], "->", errors[-1])
