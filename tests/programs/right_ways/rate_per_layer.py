import numpy as np

# discriminative learning rates: deep layers learn quicker than shallow ones, and biases twice as fast (Caffe style)
np.random.seed(19)
grosse = [5, 12, 8, 4]
gewichte = [np.random.randn(a, b) * np.sqrt(2.0 / a) for a, b in zip(grosse[:-1], grosse[1:])]
schwellen = [np.zeros(b) for b in grosse[1:]]
raten = [0.05, 0.1, 0.2]


def relu(z):
    return z * (z > 0)


def vorwaerts(x):
    werte = [x]
    for i, (w, s) in enumerate(zip(gewichte, schwellen)):
        z = werte[-1] @ w + s
        werte.append(relu(z) if i < 2 else z)
    return werte


def fehler(ausgabe, ziel):
    """mean over samples of the multi-label cross entropy, from logits"""
    return np.sum(np.logaddexp(0, ausgabe) - ziel * ausgabe) / len(ziel)


daten = np.random.randn(220, 5)
ziel = np.stack([daten[:, 0] > 0, daten[:, 1] * daten[:, 2] > 0, daten.sum(1) > 0, np.abs(daten[:, 4]) > .7], 1).astype(float)

for runde in range(80):
    reihenfolge = np.random.permutation(220)
    for teil in np.array_split(reihenfolge, 7):
        werte = vorwaerts(daten[teil])
        delta = (1 / (1 + np.exp(-werte[-1])) - ziel[teil]) / len(teil)
        for i in (2, 1, 0):
            dw = werte[i].T @ delta
            ds = delta.sum(axis=0)
            if i:
                delta = (delta @ gewichte[i].T) * (werte[i] > 0)
            gewichte[i] -= raten[i] * dw
            schwellen[i] -= 2 * raten[i] * ds
    if runde % 20 == 19:
        aus = vorwaerts(daten)[-1]
        print("Runde", runde + 1, "Fehler %.4f" % fehler(aus, ziel), "richtig %.3f" % ((aus > 0) == (ziel > 0)).mean())
