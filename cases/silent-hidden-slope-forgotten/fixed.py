import numpy as np

rng = np.random.default_rng(7)


class Network:
    """one hidden layer of tanh, a linear output, half the squared error"""

    def __init__(self, n_in, n_hidden, n_out):
        self.w_ih = rng.normal(0, n_in ** -0.5, (n_in, n_hidden))
        self.w_ho = rng.normal(0, n_hidden ** -0.5, (n_hidden, n_out))
        self.bias_h = np.zeros(n_hidden)
        self.bias_o = np.zeros(n_out)

    def run(self, features):
        self.inputs = features
        self.hidden = np.tanh(features @ self.w_ih + self.bias_h)
        return self.hidden @ self.w_ho + self.bias_o

    def train(self, features, targets, rate):
        out = self.run(features)
        output_error = targets - out
        hidden_error = output_error @ self.w_ho.T
        hidden_term = hidden_error * (1 - self.hidden ** 2)

        n = len(features)
        self.w_ho += rate * self.hidden.T @ output_error / n
        self.bias_o += rate * output_error.mean(axis=0)
        self.w_ih += rate * self.inputs.T @ hidden_term / n
        self.bias_h += rate * hidden_term.mean(axis=0)


# temperature of a room from hour, sun and yesterday
hours = rng.uniform(0, 24, 160)
sun = rng.uniform(0, 1, 160)
before = rng.normal(0, 1, 160)
features = np.column_stack((hours / 12 - 1, sun, before))
targets = np.column_stack((np.sin(hours / 24 * 2 * np.pi) + 0.5 * sun, 0.7 * before))

net = Network(3, 8, 2)
for step in range(800):
    batch = rng.integers(0, 160, 32)
    net.train(features[batch], targets[batch], 0.1)
worst = np.abs(net.run(features) - targets).max()
print("largest error:", worst.round(3))
