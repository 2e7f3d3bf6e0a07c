import numpy as np


def nonlin(x, deriv=False):
    if deriv:
        return x * (1 - x)
    return 1 / (1 + np.exp(-x))


np.random.seed(1)

# 4 inputs (the last one is always on), 2 outputs
X = np.random.randint(0, 2, (30, 4)).astype(float)
X[:, 3] = 1
y = np.column_stack((np.logical_xor(X[:, 0], X[:, 1]), np.logical_and(X[:, 1], X[:, 2]))).astype(float)

syn0 = 2 * np.random.random((4, 6)) - 1
syn1 = 2 * np.random.random((6, 5)) - 1
syn2 = 2 * np.random.random((5, 2)) - 1

mean_error = []
for j in range(4000):
    l0 = X
    l1 = nonlin(l0.dot(syn0))
    l2 = nonlin(l1.dot(syn1))
    l3 = nonlin(l2.dot(syn2))

    l3_error = y - l3
    mean_error.append(np.mean(np.abs(l3_error)))
    if j % 1000 == 0:
        print("Error:" + str(mean_error[-1]))

    l3_delta = l3_error * nonlin(l3, deriv=True)
    l2_error = l3_delta.dot(syn2.T)
    l2_delta = l2_error * nonlin(l2, deriv=True)
    l1_error = l2_delta.dot(syn1.T)
    l1_delta = l1_error * nonlin(l1, deriv=True)

    d2, d1, d0 = l2.T.dot(l3_delta), l1.T.dot(l2_delta), l0.T.dot(l1_delta)
    syn2 += 0.5 * d2
    syn1 += 0.5 * d1
    syn0 += 0.5 * d0

print("Error at the end:" + str(mean_error[-1]))
