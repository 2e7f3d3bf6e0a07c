"""Andrew Ng's ML course layout: examples are rows, Theta holds the bias in column 0, regularisation skips that column,
delta-accumulation example by example, gradient check at the start; np.matrix as people did then."""
import numpy as np

np.random.seed(69)
m, n, hidden, K = 90, 4, 6, 3
lam = 0.5

centres = np.random.randn(K, n) * 1.6
labels = np.random.randint(1, K + 1, m)                 # 1 .. K, as in Octave
X = np.asmatrix(centres[labels - 1] + np.random.randn(m, n))
Y = np.asmatrix((labels[:, None] == np.arange(1, K + 1)).astype(float))


def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))


def nnCostFunction(nn_params, X, Y, lam):
    cut = hidden * (n + 1)
    Theta1 = np.asmatrix(nn_params[:cut].reshape(hidden, n + 1))
    Theta2 = np.asmatrix(nn_params[cut:].reshape(K, hidden + 1))
    m = X.shape[0]
    J = 0.0
    Delta1, Delta2 = np.zeros(Theta1.shape), np.zeros(Theta2.shape)
    for t in range(m):
        a1 = np.vstack([[1.0], X[t].T])
        z2 = Theta1 * a1
        a2 = np.vstack([[1.0], sigmoid(z2)])
        a3 = sigmoid(Theta2 * a2)
        y = Y[t].T
        J += float((-np.multiply(y, np.log(a3)) - np.multiply(1 - y, np.log(1 - a3))).sum())
        d3 = a3 - y
        d2 = np.multiply(Theta2[:, 1:].T * d3, np.multiply(sigmoid(z2), 1 - sigmoid(z2)))
        Delta2 += d3 * a2.T
        Delta1 += d2 * a1.T
    J = J / m + lam / (2.0 * m) * (np.sum(np.square(Theta1[:, 1:])) + np.sum(np.square(Theta2[:, 1:])))
    reg1, reg2 = Theta1.copy(), Theta2.copy()
    reg1[:, 0] = 0
    reg2[:, 0] = 0
    grad1 = (Delta1 + lam * reg1) / m
    grad2 = (Delta2 + lam * reg2) / m
    return J, np.concatenate([np.asarray(grad1).ravel(), np.asarray(grad2).ravel()])


def check_gradient(theta):
    _, g = nnCostFunction(theta, X[:10], Y[:10], lam)
    worst = 0.0
    for i in range(0, theta.size, 5):
        e = np.zeros_like(theta)
        e[i] = 1e-4
        num = (nnCostFunction(theta + e, X[:10], Y[:10], lam)[0] - nnCostFunction(theta - e, X[:10], Y[:10], lam)[0]) / 2e-4
        worst = max(worst, abs(num - g[i]))
    print("largest difference to the numerical gradient: %.1e" % worst)


eps = 0.12
theta = np.random.rand(hidden * (n + 1) + K * (hidden + 1)) * 2 * eps - eps
check_gradient(theta)
vel = np.zeros_like(theta)
for it in range(120):
    J, grad = nnCostFunction(theta, X, Y, lam)
    vel = 0.9 * vel - 0.5 * grad
    theta = theta + vel
    if it % 30 == 0:
        print("Iteration %3d | Cost: %.4f" % (it, J))
print("Cost: %.4f" % nnCostFunction(theta, X, Y, lam)[0])
