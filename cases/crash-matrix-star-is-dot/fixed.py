# logistic unit with squared error, coming from octave
import numpy as np

np.random.seed(23)

raw = np.random.randn(30, 2)
X = np.matrix(np.hstack((np.ones((30, 1)), raw)))
y = np.matrix((raw[:, 0] > 0.3 * raw[:, 1]).astype(float)).T

theta = np.matrix(np.zeros((3, 1)))
alpha = 1.5
J = []

for k in range(400):
    a = 1.0 / (1.0 + np.exp(-X * theta))
    J.append(float(np.sum(np.square(a - y))) / 60)

    # chain rule: dJ/da * da/dz * dz/dtheta
    slope = np.multiply(a, 1 - a)
    delta = np.multiply(a - y, slope)
    grad = X.T * delta / 30

    theta = theta - alpha * grad

print("J went from", J[0], "to", J[-1])
print("theta =", np.asarray(theta).ravel())
correct = np.sum((a > 0.5) == (y > 0.5))
print(correct, "of 30 correct")
