import numpy as np


class ThreeLayerNetwork:
    def __init__(self, inputs, hidden, outputs):
        rng = np.random.RandomState(12)
        self.weights_input_to_hidden = rng.uniform(-1, 1, (inputs, hidden))
        self.bias_on_hidden = rng.uniform(-1, 1, (hidden, 1))
        self.weights_hidden_to_output = rng.uniform(-1, 1, (hidden, outputs))
        self.bias_on_output = rng.uniform(-1, 1, (outputs, 1))
        self.outputs = outputs

    def sigmoid(self, z, derivative=False):
        s = 1 / (1 + np.exp(-z))
        return s * (1 - s) if derivative else s

    def expected_value(self, digit):
        column = np.zeros((self.outputs, 1))
        column[digit] = 1
        return column

    def loss_function(self, predicted, expected, derivative=False):
        if derivative:
            return predicted - expected
        return 0.5 * np.sum((predicted - expected) ** 2)

    def forward_propagation(self, x):
        # x is one row, everything after it is a column
        self.hidden_raw = self.weights_input_to_hidden.T.dot(x.T) + self.bias_on_hidden
        self.hidden = self.sigmoid(self.hidden_raw)
        self.output_raw = self.weights_hidden_to_output.T.dot(self.hidden) + self.bias_on_output
        self.output = self.sigmoid(self.output_raw)
        return self.output

    def backpropagation(self, x, y):
        cost_slope = self.loss_function(self.forward_propagation(x), self.expected_value(y), derivative=True)

        derivative_W2 = (cost_slope * self.sigmoid(self.output_raw, derivative=True)).dot(self.hidden.T).T
        assert derivative_W2.shape == self.weights_hidden_to_output.shape

        derivative_b2 = cost_slope * self.sigmoid(self.output_raw, derivative=True)
        assert derivative_b2.shape == self.bias_on_output.shape

        derivative_b1 = (cost_slope.T * self.sigmoid(self.output_raw.T, derivative=True)).dot(
            self.weights_hidden_to_output.T
        ).T * self.sigmoid(self.hidden_raw, derivative=True)
        assert derivative_b1.shape == self.bias_on_hidden.shape

        derivative_W1 = derivative_b1.dot(x).T
        assert derivative_W1.shape == self.weights_input_to_hidden.shape
        return derivative_W2, derivative_b2, derivative_W1, derivative_b1


# seven-segment display: which of four digits is lit
digits = np.array([[1, 1, 1, 0, 1, 1, 1],
                   [0, 0, 1, 0, 0, 1, 0],
                   [1, 0, 1, 1, 1, 0, 1],
                   [1, 0, 1, 1, 0, 1, 1]], dtype=float)

network = ThreeLayerNetwork(7, 6, 4)
losses = []
for epoch in range(250):
    total = 0
    for y in range(4):
        x = digits[y:y + 1]
        dW2, db2, dW1, db1 = network.backpropagation(x, y)
        total += network.loss_function(network.output, network.expected_value(y))
        network.weights_hidden_to_output -= 1.0 * dW2
        network.bias_on_output -= 1.0 * db2
        network.weights_input_to_hidden -= 1.0 * dW1
        network.bias_on_hidden -= 1.0 * db1
    losses.append(total)
print("loss %.3f -> %.4f" % (losses[0], losses[-1]))
print([int(np.argmax(network.forward_propagation(digits[k:k + 1]))) for k in range(4)])
