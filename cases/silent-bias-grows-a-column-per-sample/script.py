import numpy as np

np.random.seed(4)


def logistic(v):
    return 1 / (1 + np.exp(-v))


# inputs are columns: 3 measurements, 50 patients
X = np.random.randn(3, 50)
sick = (X[0] * X[1] + X[2] > 0).reshape(1, 50) * 1.0
m = X.shape[1]

W1 = np.random.randn(6, 3)
b1 = np.zeros((6, 1))
W2 = np.random.randn(1, 6)
b2 = np.zeros((1, 1))
rate = 0.8

cost_per_epoch = []
for epoch in range(1, 601):
    # forward
    z1 = np.dot(W1, X) + b1
    a1 = np.tanh(z1)
    z2 = np.dot(W2, a1) + b2
    a2 = logistic(z2)

    cost = -np.sum(sick * np.log(a2) + (1 - sick) * np.log(1 - a2)) / m
    cost_per_epoch.append(cost)

    # backward
    delta2 = (a2 - sick) / m
    dW2 = np.dot(delta2, a1.T)
    db2 = delta2
    delta1 = np.dot(W2.T, delta2) * (1 - a1 ** 2)
    dW1 = np.dot(delta1, X.T)
    db1 = delta1

    # update
    W1 = W1 - rate * dW1
    b1 = b1 - rate * db1
    W2 = W2 - rate * dW2
    b2 = b2 - rate * db2

    if epoch % 100 == 0:
        print("epoch %d: cost %.4f" % (epoch, cost))

print("on the training set: %.0f %%" % (100 * np.mean((a2 > 0.5) == (sick > 0.5))))
