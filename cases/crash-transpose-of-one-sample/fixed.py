import numpy as np

# XOR, the "hello world"
xs = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=float)
ys = np.array([[0], [1], [1], [0]], dtype=float)

np.random.seed(5)
w_hidden = np.random.uniform(-1, 1, size=(2, 3))
b_hidden = np.random.uniform(-1, 1, size=3)
w_out = np.random.uniform(-1, 1, size=(3, 1))
b_out = np.random.uniform(-1, 1, size=1)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


eta = 0.7
errors = []
for epoch in range(3000):
    err = 0
    for x, y in zip(xs, ys):
        # FORWARD
        hidden = sigmoid(x @ w_hidden + b_hidden)
        out = sigmoid(hidden @ w_out + b_out)
        err += ((y - out) ** 2).item()

        # BACKWARD
        d_out = (out - y) * out * (1 - out)
        d_hidden = (w_out @ d_out) * hidden * (1 - hidden)
        g_w_out = hidden[:, None] @ d_out[None, :]
        g_w_hidden = x[:, None] @ d_hidden[None, :]

        # UPDATE
        w_out -= eta * g_w_out
        b_out -= eta * d_out
        w_hidden -= eta * g_w_hidden
        b_hidden -= eta * d_hidden
    errors.append(err)
    if epoch % 1000 == 0:
        print("epoch", epoch, "error", err)

for x in xs:
    print(x, "->", sigmoid(sigmoid(x @ w_hidden + b_hidden) @ w_out + b_out).round(3))
