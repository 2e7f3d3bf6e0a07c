import numpy as np

np.random.seed(34)


class Layer:
    def __init__(self, number_of_neurons, number_of_inputs):
        self.weights = np.random.randn(number_of_neurons, number_of_inputs)
        self.bias = np.random.rand(number_of_neurons, 1)


class NeuralNetwork:
    def __init__(self, layer1, layer2, layer3):
        self.layer1 = layer1
        self.layer2 = layer2
        self.layer3 = layer3

    def sigmoid(self, x):
        return 1 / (1 + np.exp(-x))

    def derivative_sigmoid(self, x):
        return x * (1 - x)

    def get_cost_value(self, Y_hat, Y):
        m = Y_hat.shape[1]
        cost = -1 / m * (np.dot(Y, np.log(Y_hat).T) + np.dot(1 - Y, np.log(1 - Y_hat).T))
        return np.squeeze(cost)

    def get_cost_derivative(self, Y_hat, Y):
        return -(np.divide(Y, Y_hat) - np.divide(1 - Y, 1 - Y_hat))

    def forward(self, inputs):
        self.a1 = self.sigmoid(np.dot(self.layer1.weights, inputs) + self.layer1.bias)
        self.a2 = self.sigmoid(np.dot(self.layer2.weights, self.a1) + self.layer2.bias)
        self.a3 = self.sigmoid(np.dot(self.layer3.weights, self.a2) + self.layer3.bias)
        return self.a3

    def gradients(self, inputs, labels):
        m = labels.shape[1]
        delta3 = self.derivative_sigmoid(self.a3) * self.get_cost_derivative(self.a3, labels)
        Dw3 = np.dot(delta3, self.a2.T) / m
        Db3 = np.mean(delta3, axis=1, keepdims=True)
        delta2 = np.dot(self.layer3.weights.T, delta3) * self.derivative_sigmoid(self.a2)
        Dw2 = np.dot(delta2, self.a1.T) / m
        Db2 = np.mean(delta2, axis=1, keepdims=True)
        delta1 = np.dot(self.layer2.weights.T, delta2) * self.derivative_sigmoid(self.a1)
        Dw1 = np.dot(delta1, inputs.T) / m
        Db1 = np.mean(delta1, axis=1, keepdims=True)
        return (Dw1, Dw2, Dw3), (Db1, Db2, Db3)

    def train(self, inputs, labels, epochs):
        costs = []
        for epoch in range(1, epochs + 1):
            costs.append(self.get_cost_value(self.forward(inputs), labels))
            if epoch % 100 == 1:
                print(epoch, costs[-1])
            Dw, Db = self.gradients(inputs, labels)
            for layer, dw, db in zip((self.layer1, self.layer2, self.layer3), Dw, Db):
                layer.weights -= 0.5 * dw
                layer.bias -= 0.5 * db
        return costs


inputs = np.random.randn(2, 50)
labels = (inputs[0:1] + inputs[1:2] > 0).astype(float)
net = NeuralNetwork(Layer(5, 2), Layer(5, 5), Layer(1, 5))
costs = net.train(inputs, labels, 400)
