import numpy as np

np.random.seed(36)


def activate(z):
    return 1.0 / (1.0 + np.exp(-z))


def cost(A, y):
    m = y.shape[0]
    losses = -(y * np.log(A) + (1 - y) * np.log(1 - A))
    return losses.sum() / m


def step(theta, X, y, alpha):
    W, b = theta
    m = y.shape[0]
    A = activate(np.dot(W, X) + b)
    dZ = A - y.T
    W = W - alpha * np.dot(dZ, X.T) / m
    b = b - alpha * np.sum(dZ) / m
    return (W, b), A


# exam results of 90 students (two exams), passed or not
marks = np.random.uniform(0, 10, (2, 90))
y = (0.6 * marks[0] + 0.4 * marks[1] + np.random.randn(90) * 0.5 > 5).astype(int).reshape(90, 1)
X = (marks - marks.mean(axis=1, keepdims=True)) / marks.std(axis=1, keepdims=True)

theta = (np.zeros((1, 2)), 0.0)
costs = []
for epoch in range(400):
    theta, A = step(theta, X, y, 0.5)
    costs.append(cost(A, y))
    if epoch % 100 == 0:
        print("Epoch", epoch, "cost", costs[-1])

print("Last cost:", costs[-1])
print("Passed predicted correctly: %d/90" % np.sum((A > 0.5).ravel() == y.ravel()))
