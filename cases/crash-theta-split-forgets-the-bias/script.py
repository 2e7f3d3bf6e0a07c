import numpy as np

N_IN, N_HID, N_OUT = 4, 5, 3


def roll(theta):
    """vector -> (Theta1, Theta2); column 0 of each is the bias"""
    cut = N_HID * N_IN
    Theta1 = np.reshape(theta[:cut], (N_HID, N_IN + 1))
    Theta2 = np.reshape(theta[cut:], (N_OUT, N_HID + 1))
    return Theta1, Theta2


def add_bias(a):
    return np.insert(a, 0, 1, axis=1)


def h(z):
    return 1 / (1 + np.exp(-z))


def cost_function(theta, X, Y, lam):
    Theta1, Theta2 = roll(theta)
    m = len(X)

    a1 = add_bias(X)
    a2 = add_bias(h(a1 @ Theta1.T))
    a3 = h(a2 @ Theta2.T)
    J = -np.sum(Y * np.log(a3) + (1 - Y) * np.log(1 - a3)) / m
    J += lam / (2 * m) * (np.sum(Theta1[:, 1:] ** 2) + np.sum(Theta2[:, 1:] ** 2))

    delta3 = a3 - Y
    delta2 = (delta3 @ Theta2 * a2 * (1 - a2))[:, 1:]
    grad1 = delta2.T @ a1 / m
    grad2 = delta3.T @ a2 / m
    grad1[:, 1:] += lam / m * Theta1[:, 1:]
    grad2[:, 1:] += lam / m * Theta2[:, 1:]
    return J, np.concatenate([grad1.ravel(), grad2.ravel()])


def gradient_descent(f, theta, rate, iterations):
    history = []
    for _ in range(iterations):
        J, g = f(theta)
        theta = theta - rate * g
        history.append(J)
    return theta, history


rs = np.random.RandomState(10)
X = rs.randn(80, N_IN)
classes = np.argmax(X[:, :3] + 0.2 * rs.randn(80, 3), axis=1)
Y = (classes[:, None] == np.arange(N_OUT)).astype(float)

theta0 = rs.uniform(-0.3, 0.3, N_HID * (N_IN + 1) + N_OUT * (N_HID + 1))
theta, J_history = gradient_descent(lambda t: cost_function(t, X, Y, 0.1), theta0, 1.0, 500)
print("J: %.4f ... %.4f" % (J_history[0], J_history[-1]))
