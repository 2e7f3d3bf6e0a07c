import numpy as np

rng = np.random.default_rng(27)


def softplus(z):
    return np.log1p(np.exp(z))


def softplus_derivative(z):
    return 1 / (1 + np.exp(-z))


def ableitung_und_verlust(gewichte, x, y):
    """Verlust und Gradienten fuer ein Netz mit zwei verdeckten Schichten."""
    w1, b1, w2, b2, w3, b3 = gewichte
    z1 = x @ w1 + b1
    a1 = softplus(z1)
    z2 = a1 @ w2 + b2
    a2 = softplus(z2)
    ausgabe = a2 @ w3 + b3
    verlust = 0.5 * np.mean((ausgabe - y) ** 2)

    d3 = (ausgabe - y) / y.size
    d2 = d3 @ w3.T * softplus_derivative(z2)
    d1 = d2 @ w2.T * softplus_derivative(a1)
    return verlust, [x.T @ d1, d1.sum(0), a1.T @ d2, d2.sum(0), a2.T @ d3, d3.sum(0)]


# Verbrauch eines Autos aus Masse, Leistung, Tempo (alles normiert)
x = rng.normal(size=(130, 3))
y = (0.6 * x[:, :1] + 0.3 * x[:, 1:2] * x[:, 2:3] + 0.4 * x[:, 2:3] ** 2)

form = [(3, 9), (9,), (9, 6), (6,), (6, 1), (1,)]
gewichte = [rng.normal(size=f) / np.sqrt(f[0]) if len(f) == 2 else np.zeros(f) for f in form]
verlauf = []
for schritt in range(500):
    verlust, gradienten = ableitung_und_verlust(gewichte, x, y)
    verlauf.append(verlust)
    for g, dg in zip(gewichte, gradienten):
        g -= 0.1 * dg
    if schritt % 125 == 0:
        print("Schritt %4d  Verlust %.4f" % (schritt, verlust))
