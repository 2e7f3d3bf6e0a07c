"""train a small classifier with my own layers (see lagen.py)"""
import numpy as np

from lagen import Dense, Relu, SoftmaxLoss

np.random.seed(9)

# tre soorten bloemen
soort = np.repeat(np.arange(3), 30)
midden = np.array([[5.0, 3.4, 1.5, 0.2], [5.9, 2.8, 4.3, 1.3], [6.6, 3.0, 5.5, 2.0]])
bloemen = midden[soort] + 0.35 * np.random.randn(90, 4)
bloemen = (bloemen - bloemen.mean(axis=0)) / bloemen.std(axis=0)

lagen = [Dense(4, 10), Relu(), Dense(10, 7), Relu(), Dense(7, 3)]
verlies = SoftmaxLoss()
verloop = []

for stap in range(200):
    x = bloemen
    for laag in lagen:
        x = laag.forward(x)
    verloop.append(verlies.forward(x, soort))

    d = verlies.backward()
    for laag in reversed(lagen):
        d = laag.backward(d)
    for laag in lagen:
        laag.update(0.1)

    if stap % 50 == 0:
        print("stap %d: verlies %.4f" % (stap, verloop[-1]))

print("goed voorspeld: %.2f" % np.mean(x.argmax(axis=1) == soort))
