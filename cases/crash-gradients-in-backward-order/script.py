import numpy as np

np.random.seed(61)


def create(sizes):
    return [[np.random.randn(p, q) / np.sqrt(p), np.zeros(q)] for p, q in zip(sizes, sizes[1:])]


def run(net, batch):
    a = [batch]
    for W, b in net[:-1]:
        a.append(np.tanh(a[-1] @ W + b))
    W, b = net[-1]
    a.append(a[-1] @ W + b)
    return a


def collect(net, a, target):
    grads = []
    d = (a[-1] - target) / len(target)
    k = len(net) - 1
    while k >= 0:
        grads.append([a[k].T @ d, d.sum(axis=0)])
        if k > 0:
            d = d @ net[k][0].T * (1 - a[k] ** 2)
        k -= 1
    return grads


def improve(net, grads, rate):
    for (W, b), (gW, gb) in zip(net, grads):
        W -= rate * gW
        b -= rate * gb


# inverse of a little arm: where is the hand -> what are the joint angles
angles = np.random.uniform(0.2, 1.3, (80, 2))
hand = np.stack([np.cos(angles[:, 0]), np.sin(angles[:, 0]),
                 np.cos(angles.sum(axis=1)), np.sin(angles.sum(axis=1))], axis=1)

net = create([4, 6, 5, 2])
curve = []
for n in range(300):
    a = run(net, hand)
    curve.append(0.5 * np.sum((a[-1] - angles) ** 2) / len(hand))
    improve(net, collect(net, a, angles), 0.2)
    if n % 60 == 0:
        print(n, curve[-1])
print("end", curve[-1])
