import numpy as np

rng = np.random.RandomState(17)
T, H = 6, 5
U, W, V = rng.randn(H, 1) * 0.5, rng.randn(H, H) * 0.3, rng.randn(1, H) * 0.5


def forward(u, w, v, x):
    states = [np.zeros((H, 1))] * (T + 1)
    outs = []
    for t in range(T):
        states[t + 1][:] = np.tanh(u * x[t] + w @ states[t])
        outs.append(v @ states[t + 1])
    return states, outs


def loss(u, w, v, x, y):
    return 0.5 * sum(float(((o - k) ** 2).sum()) for o, k in zip(forward(u, w, v, x)[1], y))


def backward(u, w, v, x, y):
    states, outs = forward(u, w, v, x)
    du, dw, dv = np.zeros_like(u), np.zeros_like(w), np.zeros_like(v)
    carried = np.zeros((H, 1))
    for t in range(T - 1, -1, -1):
        e = outs[t] - y[t]
        dv += e @ states[t + 1].T
        dz = (v.T @ e + carried) * (1 - states[t + 1] ** 2)
        du += dz * x[t]
        dw += dz @ states[t].T
        carried = w.T @ dz
    return du, dw, dv


signal = np.cos(np.arange(120) * 0.4)
losses = []
for i in range(150):
    k = rng.randint(0, 110)
    x, y = signal[k : k + T], signal[k + 1 : k + T + 1]
    losses.append(loss(U, W, V, x, y))
    dU, dW, dV = backward(U, W, V, x, y)
    U -= 0.05 * dU
    W -= 0.05 * dW
    V -= 0.05 * dV
print("loss of the first and the last ten:", np.mean(losses[:10]), np.mean(losses[-10:]))
