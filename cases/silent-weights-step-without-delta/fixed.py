import numpy as np

rng = np.random.default_rng(77)

# how long a kettle takes: litres, degrees of the tap, kilowatts
kettles = rng.uniform(-1, 1, (3, 4))
minutes = 0.6 * kettles[:1] - 0.3 * kettles[1:2] * kettles[2:] + 0.1

Wh, bh = rng.normal(0, 0.7, (5, 3)), np.zeros((5, 1))
Wm, bm = rng.normal(0, 0.5, (4, 5)), np.zeros((4, 1))
Wo, bo = rng.normal(0, 0.5, (1, 4)), np.zeros((1, 1))


def epoch(eta):
    global Wh, bh, Wm, bm, Wo, bo
    samples = kettles.shape[1]
    a = np.tanh(Wh @ kettles + bh)
    b = np.tanh(Wm @ a + bm)
    guess = Wo @ b + bo

    delta_o = (guess - minutes) / samples
    delta_m = Wo.T @ delta_o * (1 - b**2)
    delta_h = Wm.T @ delta_m * (1 - a**2)

    Wo -= eta * delta_o @ b.T
    bo -= eta * delta_o.sum(axis=1, keepdims=True)
    Wm -= eta * delta_m @ a.T
    bm -= eta * delta_m.sum(axis=1, keepdims=True)
    Wh -= eta * delta_h @ kettles.T
    bh -= eta * delta_h.sum(axis=1, keepdims=True)
    return 0.5 * np.mean((guess - minutes) ** 2)


costs = [epoch(0.2) for _ in range(400)]
print("cost:", costs[0].round(4), "->", costs[-1].round(4))
