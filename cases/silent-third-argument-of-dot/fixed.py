import numpy as np


def layer_sizes(X, Y, hidden=5):
    return X.shape[0], hidden, Y.shape[0]


def initialize_parameters(n_x, n_h, n_y):
    np.random.seed(2)
    return {"W1": np.random.randn(n_h, n_x) * 0.5, "b1": np.zeros((n_h, 1)),
            "W2": np.random.randn(n_y, n_h) * 0.5, "b2": np.zeros((n_y, 1))}


def forward_propagation(X, parameters):
    Z1 = np.dot(parameters["W1"], X) + parameters["b1"]
    A1 = np.tanh(Z1)
    Z2 = np.dot(parameters["W2"], A1) + parameters["b2"]
    A2 = 1 / (1 + np.exp(-Z2))
    return A2, {"A1": A1, "A2": A2}


def compute_cost(A2, Y):
    return -np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))


def backward_propagation(parameters, cache, X, Y):
    m = X.shape[1]
    dZ2 = cache["A2"] - Y
    dW2 = np.dot(dZ2, cache["A1"].T) / m
    db2 = np.sum(dZ2, axis=1, keepdims=True) / m
    # W2.T * dZ2 * g'(Z1)
    dZ1 = np.dot(parameters["W2"].T, dZ2) * (1 - np.power(cache["A1"], 2))
    dW1 = np.dot(dZ1, X.T) / m
    db1 = np.sum(dZ1, axis=1, keepdims=True) / m
    return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2}


def nn_model(X, Y, iterations, rate):
    parameters = initialize_parameters(*layer_sizes(X, Y))
    costs = []
    for i in range(iterations):
        A2, cache = forward_propagation(X, parameters)
        costs.append(compute_cost(A2, Y))
        grads = backward_propagation(parameters, cache, X, Y)
        for k in parameters:
            parameters[k] -= rate * grads["d" + k]
        if i % 200 == 0:
            print("Cost after iteration %i: %f" % (i, costs[-1]))
    return parameters, costs


rng = np.random.RandomState(4)
X = rng.uniform(-1.5, 1.5, (2, 140))
Y = (X[1:] > np.sin(2 * X[:1])).astype(float)
parameters, costs = nn_model(X, Y, 800, 0.6)
A2, _ = forward_propagation(X, parameters)
print("Accuracy: %.1f %%" % (100 * np.mean((A2 > 0.5) == Y)))
