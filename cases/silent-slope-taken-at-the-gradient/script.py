import numpy as np

rng = np.random.RandomState(5)


class ANN:
    def __init__(self, layers_size):
        self.layers_size = layers_size
        self.L = len(layers_size) - 1
        self.parameters = {}
        for l in range(1, self.L + 1):
            self.parameters["W" + str(l)] = rng.randn(layers_size[l], layers_size[l - 1]) / np.sqrt(layers_size[l - 1])
            self.parameters["b" + str(l)] = np.zeros((layers_size[l], 1))
        self.costs = []

    def sigmoid(self, Z):
        return 1 / (1 + np.exp(-Z))

    def sigmoid_derivative(self, Z):
        s = 1 / (1 + np.exp(-Z))
        return s * (1 - s)

    def forward(self, X):
        store = {"A0": X.T}
        A = X.T
        for l in range(1, self.L + 1):
            Z = self.parameters["W" + str(l)].dot(A) + self.parameters["b" + str(l)]
            A = self.sigmoid(Z)
            store["Z" + str(l)] = Z
            store["A" + str(l)] = A
        return A, store

    def backward(self, Y, store):
        derivatives = {}
        n = Y.shape[1]
        A = store["A" + str(self.L)]
        dA = -np.divide(Y, A) + np.divide(1 - Y, 1 - A)
        for l in range(self.L, 0, -1):
            dZ = dA * self.sigmoid_derivative(dA)
            dA = self.parameters["W" + str(l)].T.dot(dZ)
            derivatives["dW" + str(l)] = dZ.dot(store["A" + str(l - 1)].T) / n
            derivatives["db" + str(l)] = np.sum(dZ, axis=1, keepdims=True) / n
        return derivatives

    def cost(self, A, Y):
        return np.squeeze(-np.mean(Y * np.log(A) + (1 - Y) * np.log(1 - A)))

    def fit(self, X, Y, learning_rate, n_iterations):
        for loop in range(n_iterations):
            A, store = self.forward(X)
            cost = self.cost(A, Y)
            derivatives = self.backward(Y, store)
            for l in range(1, self.L + 1):
                self.parameters["W" + str(l)] -= learning_rate * derivatives["dW" + str(l)]
                self.parameters["b" + str(l)] -= learning_rate * derivatives["db" + str(l)]
            self.costs.append(cost)
            if loop % 50 == 0:
                print("Cost: ", cost, "Train accuracy:", np.mean((A > 0.5) == Y))


# two classes of small pictures: a bar that stands, a bar that lies
pictures = np.zeros((90, 4, 4))
labels = np.arange(90) % 2
for picture, label in zip(pictures, labels):
    at = rng.randint(4)
    if label:
        picture[:, at] = 1
    else:
        picture[at] = 1
X = pictures.reshape(90, 16) + 0.2 * rng.randn(90, 16)
Y = labels.reshape(1, -1)

ann = ANN([16, 6, 6, 1])
ann.fit(X, Y, 1.0, 300)
