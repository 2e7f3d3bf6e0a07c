import numpy as np

np.random.seed(150)
lamda = 0.02


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def cost_and_gradient(Theta1, Theta2, X, Y):
    m = X.shape[0]
    a1 = np.insert(X, 0, 1, axis=1)
    a2 = np.insert(sigmoid(a1 @ Theta1.T), 0, 1, axis=1)
    h = sigmoid(a2 @ Theta2.T)

    J = -np.sum(Y * np.log(h) + (1 - Y) * np.log(1 - h)) / m
    J += lamda / 2 * (np.sum(Theta1[:, 1:] ** 2) + np.sum(Theta2[:, 1:] ** 2))

    delta3 = h - Y
    delta2 = delta3 @ Theta2[:, 1:] * a2[:, 1:] * (1 - a2[:, 1:])
    grad1 = delta2.T @ a1 / m
    grad2 = delta3.T @ a2 / m
    grad1[:, 1:] += lamda * Theta1[:, 1:]
    grad2[:, 1:] += lamda * Theta2[:, 1:]
    return J, grad1, grad2


# which of three dialects, from how often five sounds occur
dialect = np.random.randint(0, 3, 120)
X = np.abs(np.random.randn(3, 5)[dialect] + 0.5 * np.random.randn(120, 5))
Y = np.eye(3)[dialect]

Theta1 = np.random.uniform(-0.5, 0.5, (6, 6))
Theta2 = np.random.uniform(-0.5, 0.5, (3, 7))
J_history = []
for it in range(400):
    J, grad1, grad2 = cost_and_gradient(Theta1, Theta2, X, Y)
    J_history.append(J)
    Theta1 -= 1.0 * grad1
    Theta2 -= 1.0 * grad2
    if it % 80 == 0:
        print("Iteration %d | Cost: %f" % (it, J))
