import numpy as np

np.random.seed(40)

H = 6
T = 9

Wx = np.random.randn(H, 1) * 0.5
Wh = np.random.randn(H, H) * 0.3
b = np.zeros((H, 1))
v = np.random.randn(H) * 0.3       # read-out


def bptt(series, target):
    """predict target[t] from series[:t+1]"""
    h = np.zeros((T + 1, H))       # h[0] is the state before the series
    y = np.zeros(T)
    for t in range(T):
        h[t + 1] = np.tanh(Wx[:, 0] * series[t] + Wh @ h[t] + b)
        y[t] = v @ h[t + 1]

    dWx, dWh, db, dv = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b), np.zeros_like(v)
    later = np.zeros(H)
    for t in range(T)[::-1]:
        dy = y[t] - target[t]
        dv += dy * h[t + 1]
        raw = (dy * v + later) * (1 - h[t + 1] ** 2)
        dWx[:, 0] += raw * series[t]
        dWh += np.outer(raw, h[t])
        db += raw.reshape(db.shape)
        later = Wh.T @ raw
    return 0.5 * np.sum((y - target) ** 2), dWx, dWh, db, dv


def wave():
    start = np.random.uniform(0, 6)
    values = np.sin(start + 0.7 * np.arange(T + 1))
    return values[:-1], values[1:]


smooth = []
running = None
for k in range(400):
    series, target = wave()
    loss, dWx, dWh, db, dv = bptt(series, target)
    running = loss if running is None else 0.95 * running + 0.05 * loss
    smooth.append(running)
    for par, grad in zip((Wx, Wh, b, v), (dWx, dWh, db, dv)):
        np.clip(grad, -3, 3, out=grad)
        par -= 0.03 * grad
    if k % 100 == 0:
        print("sequence", k, "smooth loss", round(running, 4))
print("smooth loss at the end", round(smooth[-1], 4))
