import numpy as np

rng = np.random.RandomState(2)
hidden, steps = 6, 7
Win = rng.randn(hidden, 1) * 0.4
Wrec = rng.randn(hidden, hidden) * 0.3
Wout = rng.randn(1, hidden) * 0.4
bh = np.zeros((hidden, 1))
bo = np.zeros((1, 1))


def unroll(xs):
    hs = [np.zeros((hidden, 1))]
    ys = []
    for x in xs:
        h = np.tanh(Win @ x + Wrec @ hs[-1] + bh)
        hs.append(h)
        ys.append(Wout @ h + bo)
    return hs, ys


def back(xs, ts, hs, ys):
    dWin, dWrec, dWout = np.zeros_like(Win), np.zeros_like(Wrec), np.zeros_like(Wout)
    dbh, dbo = np.zeros_like(bh), np.zeros_like(bo)
    later = np.zeros((hidden, 1))
    for k in reversed(range(len(xs))):
        dy = ys[k] - ts[k]
        dWout += dy @ hs[k + 1].T
        dbo += dy
        draw = (Wout.T @ dy + later) * (1 - hs[k + 1] ** 2)
        dbh += draw
        dWin += draw @ xs[k].T
        dWrec += draw @ hs[k].T
        later = Wrec.T @ draw
    return dWin, dWrec, dWout, dbh, dbo


wave = np.sin(np.arange(200) * 0.3)
for round_ in range(60):
    start = rng.randint(0, 180)
    xs = [np.array([[v]]) for v in wave[start : start + steps]]
    ts = [np.array([[v]]) for v in wave[start + 1 : start + steps + 1]]
    hs, ys = unroll(xs)
    total = sum(0.5 * float(np.sum((y - t) ** 2)) for y, t in zip(ys, ts))
    gradients = back(xs, ts, hs, ys)
    for weight, gradient in zip((Win, Wrec, Wout, bh, bo), gradients):
        np.clip(gradient, -5, 5, out=gradient)
        weight -= 0.05 * gradient
    if round_ % 20 == 0:
        print(round_, total)
