import numpy as np

np.random.seed(20)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


# inside or outside of an ellipse
m = 120
X = np.random.uniform(-1, 1, (3, m))
Y = ((X[0:1] ** 2 + 2 * X[1:2] ** 2) > 0.6).astype(float)

n_x, n_h, n_y = 3, 5, 1
W1 = np.random.randn(n_h, n_x)
b1 = np.zeros((n_h, 1))
W2 = np.random.randn(n_y, n_h)
b2 = np.zeros((n_y, 1))
alpha = 1.5
costs = []

for epoch in range(500):
    # forward propagation
    Z1 = np.dot(W1, X) + b1
    A1 = sigmoid(Z1)
    Z2 = np.dot(W2, A1) + b2
    A2 = sigmoid(Z2)
    cost = -np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))
    costs.append(cost)

    # backward propagation
    dZ2 = A2 - Y
    dW2 = 1 / m * np.dot(dZ2, A1.T)
    db2 = 1 / m * np.sum(dZ2, axis=1, keepdims=True)
    dZ1 = np.dot(W2.T, dZ2) * A1 * (1 - A1)
    dW1 = 1 / m * np.dot(dZ1, X.T)
    db1 = 1 / m * np.sum(dZ1, axis=1, keepdims=True)

    # update parameters
    W1 = W1 - alpha * dW1
    b1 = b1 - alpha * db1
    W2 = W2 - alpha * dW2
    b2 = b2 - alpha * db2
    if epoch % 100 == 0:
        print("epoch", epoch, "cost", cost)

print("accuracy", np.mean((A2 > 0.5) == (Y > 0.5)))
