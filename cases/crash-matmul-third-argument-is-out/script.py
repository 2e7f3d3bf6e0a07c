import numpy as np


def relu(v):
    return np.where(v > 0, v, 0.0)


def predict(X, W1, b1, W2, b2):
    # z = X.W + b
    z1 = np.matmul(X, W1, b1)
    h1 = relu(z1)
    z2 = np.matmul(h1, W2, b2)
    return z1, h1, z2


def train_step(X, Y, W1, b1, W2, b2, lr):
    z1, h1, z2 = predict(X, W1, b1, W2, b2)
    n = X.shape[0]
    loss = np.sum((z2 - Y) ** 2) / n

    dz2 = 2 * (z2 - Y) / n
    dW2 = np.matmul(h1.T, dz2)
    db2 = np.sum(dz2, 0)
    dz1 = np.matmul(dz2, W2.T)
    dz1[z1 <= 0] = 0
    dW1 = np.matmul(X.T, dz1)
    db1 = np.sum(dz1, 0)

    return loss, W1 - lr * dW1, b1 - lr * db1, W2 - lr * dW2, b2 - lr * db2


if __name__ == "__main__":
    np.random.seed(1)
    X = np.random.randn(25, 4)
    Y = np.stack([np.abs(X[:, 0]) + X[:, 1], X[:, 2] - X[:, 3]], axis=1)

    W1, b1 = np.random.randn(4, 6) / 2, np.zeros(6)
    W2, b2 = np.random.randn(6, 2) / 2, np.zeros(2)
    losses = []
    for i in range(300):
        loss, W1, b1, W2, b2 = train_step(X, Y, W1, b1, W2, b2, 0.05)
        losses.append(loss)
        if not i % 100:
            print(i, loss)
    print("last loss", losses[-1])
