import numpy as np

np.random.seed(47)


def standardise(table):
    """mean 0, standard deviation 1"""
    mean = table.mean(axis=0)
    std = table.std(axis=0)
    return (table - mean) / std


# length, width, height in mm and weight in kg of 66 fish
size = np.random.uniform(0.5, 1.5, 66)
fish = np.stack((300 * size, 40 * size, 90 * size, 2 * size ** 3), axis=1)
fish += np.random.randn(66, 4) * [20, 3, 6, 0.1]
pike = (fish[:, 0] / fish[:, 2] > 3.35).astype(float).reshape(-1, 1)

X = standardise(fish)

Wa, ba = np.random.randn(4, 5) * 0.5, np.zeros((1, 5))
Wb, bb = np.random.randn(5, 1) * 0.5, np.zeros((1, 1))
bce = []
for i in range(400):
    A = np.tanh(X @ Wa + ba)
    P = 1 / (1 + np.exp(-(A @ Wb + bb)))
    bce.append(-np.mean(pike * np.log(P) + (1 - pike) * np.log(1 - P)))

    G = (P - pike) / len(X)
    back = G @ Wb.T * (1 - A ** 2)
    Wb -= 1.0 * A.T @ G
    bb -= 1.0 * G.sum(axis=0, keepdims=True)
    Wa -= 1.0 * X.T @ back
    ba -= 1.0 * back.sum(axis=0, keepdims=True)

print("log loss %.3f -> %.3f" % (bce[0], bce[-1]))
print("pikes recognised: %.2f" % np.mean((P > 0.5) == (pike > 0.5)))
