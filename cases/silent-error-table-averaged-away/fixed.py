import numpy as np

np.random.seed(100)

hours = np.random.uniform(0, 8, 48)
sleep = np.random.uniform(4, 9, 48)
t = (5 * hours + 3 * sleep + np.random.randn(48)) / 50     # mark / 50
x = np.column_stack((hours / 8, sleep / 9))

V = np.random.randn(2, 6)
c = np.zeros(6)
W = np.random.randn(6, 1)
d = np.zeros(1)

sse = []
for k in range(1500):
    hid = np.tanh(np.dot(x, V) + c)
    out = np.dot(hid, W) + d

    err = out - t[:, None]
    sse.append(np.sum(err ** 2))

    gW = np.dot(hid.T, err) / len(x)
    gd = err.mean(axis=0)
    eh = np.dot(err, W.T) * (1 - hid ** 2)
    gV = np.dot(x.T, eh) / len(x)
    gc = eh.mean(axis=0)

    W -= 0.2 * gW
    d -= 0.2 * gd
    V -= 0.2 * gV
    c -= 0.2 * gc
    if k % 300 == 0:
        print("round %d, squared error %.4f" % (k, sse[-1]))

print("4 hours, 7 hours of sleep:", np.dot(np.tanh(np.dot([0.5, 7 / 9], V) + c), W) + d)
print("8 hours, 7 hours of sleep:", np.dot(np.tanh(np.dot([1.0, 7 / 9], V) + c), W) + d)
