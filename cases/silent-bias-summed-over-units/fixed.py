import numpy as np

np.random.seed(171)

# sixteen samples, sixteen hidden units
n_data, n_in, n_hid = 16, 3, 16
X = np.random.randn(n_data, n_in)
Y = np.stack((np.tanh(X[:, 0] * X[:, 1]), 0.5 * X[:, 2]), axis=1)

W_in, b_in = np.random.randn(n_in, n_hid) * 0.6, np.random.randn(n_hid) * 0.1
W_out, b_out = np.random.randn(n_hid, 2) * 0.3, np.zeros(2)
lr, mse = 0.4, []

for it in range(400):
    hid = np.maximum(X @ W_in + b_in, 0)
    out = hid @ W_out + b_out
    mse.append(np.mean((out - Y) ** 2))

    d_out = 2 * (out - Y) / out.size
    d_hid = (d_out @ W_out.T) * (hid > 0)
    d_b_out = d_out.sum(axis=0)
    d_b_in = d_hid.sum(axis=0)

    W_out -= lr * hid.T @ d_out
    b_out -= lr * d_b_out
    W_in -= lr * X.T @ d_hid
    b_in -= lr * d_b_in
    if it % 100 == 0:
        print("%4d  mse %.5f" % (it, mse[-1]))
print("done, mse %.5f" % mse[-1])
