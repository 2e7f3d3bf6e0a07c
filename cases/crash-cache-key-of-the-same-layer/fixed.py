import numpy as np


def build(units, seed):
    np.random.seed(seed)
    theta = {}
    for l in range(1, len(units)):
        theta["W" + str(l)] = np.random.randn(units[l], units[l - 1]) / np.sqrt(units[l - 1])
        theta["b" + str(l)] = np.zeros((units[l], 1))
    return theta


def predict(theta, X):
    cache = {"A0": X}
    L = len(theta) // 2
    for l in range(1, L + 1):
        Z = theta["W" + str(l)] @ cache["A" + str(l - 1)] + theta["b" + str(l)]
        cache["A" + str(l)] = Z if l == L else np.tanh(Z)
    return cache


def differentiate(theta, cache, Y):
    L = len(theta) // 2
    m = Y.shape[1]
    slopes = {}
    dZ = (cache["A" + str(L)] - Y) / m
    for l in range(L, 0, -1):
        A = cache["A" + str(l - 1)]
        slopes["W" + str(l)] = dZ @ A.T
        slopes["b" + str(l)] = dZ.sum(axis=1, keepdims=True)
        if l > 1:
            dZ = theta["W" + str(l)].T @ dZ * (1 - cache["A" + str(l - 1)] ** 2)
    return slopes


# two joints of a finger follow three tendons
tendons = np.random.RandomState(1).uniform(-1, 1, (3, 75))
joints = np.vstack((np.tanh(tendons[0] - tendons[1]), tendons[1] * tendons[2]))

theta = build([3, 7, 5, 2], seed=10)
cost = []
for it in range(1, 601):
    cache = predict(theta, tendons)
    cost.append(np.sum((cache["A3"] - joints) ** 2) / 2 / 75)
    slopes = differentiate(theta, cache, joints)
    for l in (3, 2, 1):
        theta["W" + str(l)] -= 0.2 * slopes["W" + str(l)]
        theta["b" + str(l)] -= 0.2 * slopes["b" + str(l)]
    if it % 200 == 0:
        print("after", it, "steps: cost", cost[-1])
