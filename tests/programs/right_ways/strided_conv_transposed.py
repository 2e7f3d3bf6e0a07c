# Convolutional autoencoder in 1-D: strided convolution down, transposed convolution up (they are each other's adjoint).
import numpy as np

np.random.seed(53)
N, L, K, S, F = 64, 20, 4, 2, 6
OUT = (L - K) // S + 1


def conv(x, w):
    """x (n, cin, l), w (cout, cin, k) -> (n, cout, OUT)"""
    y = np.zeros((len(x), w.shape[0], OUT))
    for t in range(OUT):
        y[:, :, t] = np.tensordot(x[:, :, t * S:t * S + K], w, axes=([1, 2], [1, 2]))
    return y


def conv_t(y, w):
    """adjoint of conv: overlapping windows are ADDED"""
    x = np.zeros((len(y), w.shape[1], L))
    for t in range(OUT):
        x[:, :, t * S:t * S + K] += np.tensordot(y[:, :, t], w, axes=([1], [0]))
    return x


def conv_dw(x, dy):
    dw = np.zeros((dy.shape[1], x.shape[1], K))
    for t in range(OUT):
        dw += np.tensordot(dy[:, :, t], x[:, :, t * S:t * S + K], axes=([0], [0]))
    return dw


enc = np.random.randn(F, 1, K) * 0.4
dec = np.random.randn(F, 1, K) * 0.4
benc, bdec = np.zeros(F), np.zeros(1)

pos = np.arange(L)
data = np.exp(-0.5 * ((pos - np.random.uniform(2, 18, (N, 1))) / np.random.uniform(1, 3, (N, 1))) ** 2)[:, None, :]

lr = 0.03
for it in range(501):
    z = conv(data, enc) + benc[:, None]
    h = np.where(z > 0, z, 0.1 * z)
    rec = conv_t(h, dec) + bdec[:, None]
    diff = rec - data
    loss = np.sum(diff ** 2) / (2 * N)

    drec = diff / N
    ddec = conv_dw(drec, h)                 # roles swapped: the "input" of the adjoint is the gradient
    dbdec = drec.sum(axis=(0, 2))
    dh = conv(drec, dec)
    dz = dh * np.where(z > 0, 1, 0.1)
    denc = conv_dw(data, dz)
    dbenc = dz.sum(axis=(0, 2))

    enc -= lr * denc
    dec -= lr * ddec
    benc -= lr * dbenc
    bdec -= lr * dbdec
    if it == 100:
        lr = 0.02
    if it % 100 == 0:
        print("iteration %3d  loss %.5f" % (it, loss))
