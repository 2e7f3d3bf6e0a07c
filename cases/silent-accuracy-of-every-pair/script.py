import numpy as np

rng = np.random.default_rng(64)

# 100 patients, 6 blood values
blood = rng.normal(size=(100, 6))
ill = (blood[:, 0] + 0.5 * blood[:, 3] - blood[:, 5] + 0.2 * rng.normal(size=100)) > 0
label = ill.astype(float)


def sigmoid(s):
    return 1 / (1 + np.exp(-s))


def init(n_in, n_hidden):
    return {"w1": rng.normal(size=(n_in, n_hidden)) * 0.4, "b1": np.zeros(n_hidden),
            "w2": rng.normal(size=(n_hidden, 1)) * 0.4, "b2": np.zeros(1)}


def forward(net, x):
    h = sigmoid(x @ net["w1"] + net["b1"])
    return h, sigmoid(h @ net["w2"] + net["b2"])


def backward(net, x, h, p):
    dz = (p - label[:, None]) / len(x)
    dh = dz @ net["w2"].T * h * (1 - h)
    return {"w1": x.T @ dh, "b1": dh.sum(axis=0), "w2": h.T @ dz, "b2": dz.sum(axis=0)}


def accuracy(p):
    guess = (p > 0.5).astype(float)
    return np.mean(guess == label)


net = init(6, 5)
scores = []
for epoch in range(150):
    h, p = forward(net, blood)
    grads = backward(net, blood, h, p)
    for name in net:
        net[name] -= 2.0 * grads[name]
    scores.append(accuracy(forward(net, blood)[1]))
    if epoch % 30 == 0:
        print("epoch", epoch, "accuracy", scores[-1])   # why is it stuck at 0.5 ???
print("final accuracy", scores[-1])
