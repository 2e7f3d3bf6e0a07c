import numpy as np

np.random.seed(29)


def forward(X, W1, b1, W2, b2):
    A1 = np.maximum(np.matmul(W1, X) + b1, 0)
    return A1, np.matmul(W2, A1) + b2


def backprop(X, Y, A1, Yhat, W2):
    """derivatives in the order in which the parameters were created"""
    m = X.shape[1]
    d2 = (Yhat - Y) / m
    dW1_part = np.matmul(W2.T, d2) * (A1 > 0)
    dW2 = np.matmul(d2, A1.T)
    db2 = np.sum(d2, axis=1, keepdims=True)
    dW1 = np.matmul(dW1_part, X.T)
    db1 = np.sum(dW1_part, axis=1, keepdims=True)
    return dW1, db1, dW2, db2


# fuel consumption from weight, power and speed (standardised, invented)
X = np.random.randn(3, 110)
Y = (np.abs(X[2]) + 0.5 * X[0] + 0.3 * X[1]).reshape(1, -1)

W1 = np.random.randn(9, 3) * 0.6
b1 = np.zeros((9, 1))
W2 = np.random.randn(1, 9) * 0.3
b2 = np.zeros((1, 1))

learning_rate = 0.1
cost = []
for epoch in range(400):
    A1, Yhat = forward(X, W1, b1, W2, b2)
    cost.append(np.mean((Yhat - Y) ** 2) / 2)
    dW1, dW2, db1, db2 = backprop(X, Y, A1, Yhat, W2)
    W2 -= learning_rate * dW2
    b2 -= learning_rate * db2
    W1 -= learning_rate * dW1
    b1 -= learning_rate * db1

print("Cost at the beginning:", cost[0])
print("Cost at the end:", cost[-1])
