import numpy as np

# Kohonen map of random colours on a 7x7 sheet. w += lr * neighbourhood * (x - w), no loss behind it.
np.random.seed(39)
rows, cols, dim = 7, 7, 3
colours = np.random.rand(300, dim)
som = np.random.rand(rows, cols, dim)
gy, gx = np.mgrid[0:rows, 0:cols]


def bmu(x):
    return np.unravel_index(np.argmin(np.sum((som - x) ** 2, axis=2)), (rows, cols))


def quantisation_error():
    flat = som.reshape(-1, dim)
    return np.mean(np.sqrt(((colours[:, None] - flat[None]) ** 2).sum(-1)).min(axis=1))


n_iter = 3000
for t in range(n_iter):
    if t % 600 == 0:
        print("t=%d  quantisation error %.4f" % (t, quantisation_error()))
    lr = 0.5 * np.exp(-3.0 * t / n_iter)
    radius = 3.5 * np.exp(-2.5 * t / n_iter)
    x = colours[np.random.randint(len(colours))]
    r, c = bmu(x)
    near = np.exp(-((gy - r) ** 2 + (gx - c) ** 2) / (2 * radius ** 2))
    som += lr * near[:, :, np.newaxis] * (x - som)
print("end   quantisation error %.4f" % quantisation_error())
