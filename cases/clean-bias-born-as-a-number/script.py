import numpy as np

np.random.seed(81)

net = {"w1": np.random.randn(2, 8), "b1": 0, "w2": np.random.randn(8, 1), "b2": 0}
speed = dict.fromkeys(net, 0)


def out(net, x):
    hid = np.tanh(x @ net["w1"] + net["b1"])
    return hid, 1 / (1 + np.exp(-(hid @ net["w2"] + net["b2"])))


def slopes(net, x, y):
    hid, p = out(net, x)
    d = (p - y) / len(y)
    dh = d @ net["w2"].T * (1 - hid ** 2)
    return {
        "w1": x.T @ dh, "b1": dh.sum(axis=0, keepdims=True),
        "w2": hid.T @ d, "b2": d.sum(axis=0, keepdims=True),
    }


# spiral arms
r = np.linspace(0.2, 2, 70)
arm = np.arange(70) % 2
phi = 1.5 * r + np.pi * arm
x = np.stack([r * np.cos(phi), r * np.sin(phi)], axis=1) + 0.05 * np.random.randn(70, 2)
y = arm.reshape(-1, 1)

loss = []
for i in range(600):
    p = out(net, x)[1]
    loss.append(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)))
    g = slopes(net, x, y)
    for k in net:
        speed[k] = 0.9 * speed[k] - 0.1 * g[k]
        net[k] = net[k] + speed[k]
print("loss", round(loss[0], 3), "->", round(loss[-1], 4))
print("shapes:", {k: np.shape(v) for k, v in net.items()})
