import numpy as np

np.random.seed(21)


class Layer():
    def __init__(self, number_of_neurons, number_of_inputs):
        self.weights = np.random.randn(number_of_neurons, number_of_inputs) * 0.7
        self.bias = np.random.rand(number_of_neurons, 1)


class Classifier():
    def __init__(self, layer1, layer2, layer3):
        self.layer1, self.layer2, self.layer3 = layer1, layer2, layer3

    def sigmoid(self, x):
        return 1 / (1 + np.exp(-x))

    def derivative_sigmoid(self, x):
        return x * (1 - x)

    def get_cost_value(self, Y_hat, Y):
        m = Y_hat.shape[1]
        cost = -1 / m * (np.dot(Y, np.log(Y_hat).T) + np.dot(1 - Y, np.log(1 - Y_hat).T))
        return np.squeeze(cost)

    def get_cost_derivative(self, Y_hat, Y):
        return - (np.divide(Y, Y_hat) - np.divide(1 - Y, 1 - Y_hat))

    def train(self, inputs, labels, epochs, rate=0.01):
        costs = []
        for epoch in range(epochs):
            z1 = np.dot(self.layer1.weights, inputs) + self.layer1.bias
            a1 = self.sigmoid(z1)
            z2 = np.dot(self.layer2.weights, a1) + self.layer2.bias
            a2 = self.sigmoid(z2)
            z3 = np.dot(self.layer3.weights, a2) + self.layer3.bias
            a3 = self.sigmoid(z3)
            costs.append(self.get_cost_value(a3, labels))

            layer3_delta = self.derivative_sigmoid(a3) * self.get_cost_derivative(a3, labels)
            Dw_layer3 = np.dot(layer3_delta, a2.T)
            Db_layer3 = layer3_delta

            layer2_delta = np.dot(self.layer3.weights.T, layer3_delta) * self.derivative_sigmoid(a2)
            Dw_layer2 = np.dot(layer2_delta, a1.T)
            Db_layer2 = layer2_delta

            layer1_delta = np.dot(self.layer2.weights.T, layer2_delta) * self.derivative_sigmoid(a1)
            Dw_layer1 = np.dot(layer1_delta, inputs.T)
            Db_layer1 = layer1_delta

            self.layer1.weights -= rate * Dw_layer1
            self.layer2.weights -= rate * Dw_layer2
            self.layer3.weights -= rate * Dw_layer3

            self.layer1.bias -= rate * Db_layer1
            self.layer2.bias -= rate * Db_layer2
            self.layer3.bias -= rate * Db_layer3
        return costs


inputs = np.random.randn(2, 80)
labels = (inputs[0:1] * 0.8 + inputs[1:2] > 0.1).astype(float)  # shape (1, 80)

model = Classifier(Layer(5, 2), Layer(5, 5), Layer(1, 5))
costs = model.train(inputs, labels, 400, 0.03)
print("cost before", costs[0], "after", costs[-1])
