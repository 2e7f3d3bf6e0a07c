import numpy as np

rng = np.random.default_rng(117)
n_in, n_hid = 2, 6


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


# gates stacked in the order input, forget, output, candidate
W = rng.normal(size=(4 * n_hid, n_in + n_hid)) * 0.4
b = np.concatenate([np.zeros(n_hid), np.ones(n_hid), np.zeros(2 * n_hid)])
w_out = rng.normal(size=n_hid) * 0.5


def forward(xs):
    h, c, steps = np.zeros(n_hid), np.zeros(n_hid), []
    for x in xs:
        joined = np.concatenate([x, h])
        z = W @ joined + b
        i, f, o = (sigmoid(z[k * n_hid:(k + 1) * n_hid]) for k in range(3))
        g = np.tanh(z[3 * n_hid:])
        c_old, c = c, f * c + i * g
        h = o * np.tanh(c)
        steps.append((joined, i, f, o, g, c_old, c))
    return h, steps


def backward(dh, steps):
    dW, db = np.zeros_like(W), np.zeros_like(b)
    dc = np.zeros(n_hid)
    for joined, i, f, o, g, c_old, c in reversed(steps):
        top = np.tanh(c)
        dc = dc + dh * o * (1 - top ** 2)
        dz = np.concatenate([
            dc * g * i * (1 - i),
            dc * c_old * f * (1 - f),
            dh * top * o * (1 - o),
            dc * i * (1 - g ** 2),
        ])
        dW += np.outer(dz, joined)
        db += dz
        dh = (W.T @ dz)[n_in:]
        dc = dc * f
    return dW, db


# add the two marked numbers of a sequence
def task(length=7):
    xs = np.column_stack((rng.uniform(-1, 1, length), np.zeros(length)))
    marked = rng.choice(length, 2, replace=False)
    xs[marked, 1] = 1
    return xs, xs[marked, 0].sum()


history = []
for step in range(300):
    dW, db, dw_out, loss = np.zeros_like(W), np.zeros_like(b), np.zeros_like(w_out), 0.0
    for _ in range(4):
        xs, target = task()
        h, steps = forward(xs)
        error = h @ w_out - target
        loss += 0.5 * error ** 2 / 4
        dw_out += error * h / 4
        gW, gb = backward(error * w_out / 4, steps)
        dW += gW
        db += gb
    W -= 0.3 * dW
    b -= 0.3 * db
    w_out -= 0.3 * dw_out
    history.append(loss)
    if step % 100 == 99:
        print("step %3d  loss %.4f" % (step + 1, np.mean(history[-100:])))
