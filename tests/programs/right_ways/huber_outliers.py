# robust regression with Huber loss; samples are columns; no biases as a row of ones is glued on
import numpy as np

rnd = np.random.RandomState(2024)
n = 90
xx = np.sort(rnd.uniform(-3, 3, n))
yy = 0.5 * xx + np.sin(1.7 * xx)
yy[rnd.choice(n, 9, replace=False)] += rnd.choice([-8, 8], 9)     # gross outliers
inp = np.vstack([np.ones(n), xx / 3])
DELTA = 0.5

Wa = rnd.randn(15, 2)
Wb = rnd.randn(1, 16) / 4


def add_ones(a):
    return np.vstack([np.ones((1, a.shape[1])), a])


def huber(e):
    small = np.abs(e) <= DELTA
    return np.where(small, 0.5 * e ** 2, DELTA * (np.abs(e) - 0.5 * DELTA)).mean()


cacheA, cacheB = 1e-8, 1e-8
for it in range(1501):
    hid = np.tanh(Wa @ inp)
    hid1 = add_ones(hid)
    pred = Wb @ hid1
    e = pred - yy                       # (1, n) - (n,) gives (1, n)
    psi = np.clip(e, -DELTA, DELTA) / n      # the whole derivative of Huber
    gWb = psi @ hid1.T
    back = (Wb.T @ psi)[1:] * (1 - hid ** 2)        # drop the row that belongs to the ones
    gWa = back @ inp.T
    # RMSprop
    cacheA = 0.95 * cacheA + 0.05 * gWa ** 2
    cacheB = 0.95 * cacheB + 0.05 * gWb ** 2
    rate = 0.01 / (1 + it / 300)
    Wa = Wa - rate * gWa / np.sqrt(cacheA + 1e-10)
    Wb = Wb - rate * gWb / np.sqrt(cacheB + 1e-10)
    if it % 300 == 0:
        print(it, "huber %.4f" % huber(e), "median |e| %.4f" % np.median(np.abs(e)))
