import numpy as np

np.random.seed(72)

n_hidden = 7
U = np.random.randn(n_hidden, 2) * 0.5            # from the two input bits
R = np.random.randn(n_hidden, n_hidden) * 0.4     # from the previous state
bias = np.zeros((n_hidden, 1))
V = np.random.randn(1, n_hidden) * 0.4


def forward(bits):
    """bits: (time, 2), least significant first"""
    s = [np.zeros((n_hidden, 1))]
    out = []
    for x in bits:
        column = x.reshape(2, 1)
        z = np.add(U @ column, R @ s[-1], bias)
        s.append(np.tanh(z))
        out.append(1 / (1 + np.exp(-(V @ s[-1]))))
    return s, out


def gradients(bits, target):
    s, out = forward(bits)
    gU, gR, gb, gV = [np.zeros_like(p) for p in (U, R, bias, V)]
    carry = np.zeros((n_hidden, 1))
    loss = 0.0
    for t in reversed(range(len(bits))):
        loss -= (target[t] * np.log(out[t]) + (1 - target[t]) * np.log(1 - out[t])).item()
        e = out[t] - target[t]
        gV += e * s[t + 1].T
        dz = (V.T * e + carry) * (1 - s[t + 1] ** 2)
        gU += dz * bits[t]
        gR += dz @ s[t].T
        gb += dz
        carry = R.T @ dz
    return loss, (gU, gR, gb, gV)


def addition(n_bits=5):
    a, b = np.random.randint(0, 2 ** (n_bits - 1), 2)
    digits = lambda k: [(k >> i) & 1 for i in range(n_bits)]
    return np.column_stack((digits(a), digits(b))).astype(float), np.array(digits(a + b), dtype=float)


window = []
for step in range(1200):
    bits, target = addition()
    loss, grads = gradients(bits, target)
    window.append(loss)
    for p, g in zip((U, R, bias, V), grads):
        p -= 0.1 * np.clip(g, -1, 1)
    if step % 300 == 299:
        print("additions: %4d   loss: %.3f" % (step + 1, np.mean(window[-300:])))
