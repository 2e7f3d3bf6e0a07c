import numpy as np

np.random.seed(21)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# scores of applicants, standardised; did they get in
n_records, n_features = 90, 3
features = np.random.normal(size=(n_records, n_features))
targets = (features @ np.array([1.5, -0.8, 0.6]) + 0.3 * np.random.normal(size=n_records) > 0.2).astype(float)

n_hidden = 4
epochs = 200
learnrate = 2.0
weights_input_hidden = np.random.normal(scale=n_features ** -0.5, size=(n_features, n_hidden))
weights_hidden_output = np.random.normal(scale=n_features ** -0.5, size=n_hidden)
shown = []
last_loss = None

for e in range(epochs):
    del_w_input_hidden = np.zeros(weights_input_hidden.shape)
    del_w_hidden_output = np.zeros(weights_hidden_output.shape)
    for x, y in zip(features, targets):
        hidden_output = sigmoid(np.dot(x, weights_input_hidden))
        output = sigmoid(np.dot(hidden_output, weights_hidden_output))

        error = y - output
        output_error_term = error * output * (1 - output)
        hidden_error = output_error_term * weights_hidden_output
        hidden_error_term = hidden_error * hidden_output * (1 - hidden_output)

        del_w_hidden_output += output_error_term * hidden_output
        del_w_input_hidden += hidden_error_term * x[:, None]

    weights_input_hidden += learnrate * del_w_input_hidden / n_records
    weights_hidden_output += learnrate * del_w_hidden_output / n_records

    # mean squared error on the training set
    if e % (epochs / 10) == 0:
        hidden_output = sigmoid(np.dot(features, weights_input_hidden))
        out = sigmoid(np.dot(hidden_output, weights_hidden_output))
        loss = np.mean((out - targets) ** 2)
        shown.append(loss)
        if last_loss and last_loss < loss:
            print("Train loss:", loss, " WARNING - loss increasing")
        else:
            print("Train loss:", loss)
        last_loss = loss
