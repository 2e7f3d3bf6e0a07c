import numpy as np

np.random.seed(55)

# 3 classes, 2 features, one column per point
n = 75
labels = np.random.randint(0, 3, n)
corner = np.array([[0.0, 2.0, -2.0], [2.0, -1.0, -1.0]])
X = corner[:, labels] + np.random.randn(2, n)

W = 0.01 * np.random.randn(3, 2)
b = np.zeros((3, 1))
columns = np.arange(n)
step_size = 0.5

loss_hist = []
for i in range(150):
    scores = W @ X + b
    scores -= scores.max(axis=0)
    P = np.exp(scores)
    P /= P.sum(axis=0)

    # average cross-entropy of the right classes
    loss = -np.log(P[labels, columns]).mean()
    loss_hist.append(loss)

    dscores = P.copy()
    dscores[labels, columns] -= 1
    dscores /= n
    dW = dscores @ X.T
    db = dscores.sum(axis=1, keepdims=True)

    W -= step_size * dW
    b -= step_size * db
    if i % 30 == 0:
        print("iteration %d: loss %f" % (i, loss))

predicted = np.argmax(W @ X + b, axis=0)
print("training accuracy: %.2f" % (predicted == labels).mean())
