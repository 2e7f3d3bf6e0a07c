import numpy as np

rng = np.random.default_rng(140)


def softmax(s):
    e = np.exp(s - s.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


class Attention:
    def __init__(self, width, depth):
        self.depth = depth
        self.Wq, self.Wk = rng.normal(size=(2, width, depth)) / np.sqrt(width)
        self.Wv = rng.normal(size=(width, width)) / np.sqrt(width)

    def forward(self, x):
        self.x = x
        self.q, self.k, self.v = x @ self.Wq, x @ self.Wk, x @ self.Wv
        self.a = softmax(self.q @ self.k.transpose(0, 2, 1) / np.sqrt(self.depth))
        return self.a @ self.v

    def backward(self, dout):
        dv = self.a.transpose(0, 2, 1) @ dout
        da = dout @ self.v.transpose(0, 2, 1)
        ds = self.a * (da - np.sum(da * self.a, axis=-1, keepdims=True))
        dq = ds @ self.k
        dk = ds.transpose(0, 2, 1) @ self.q
        self.dWq = np.einsum("btw,btd->wd", self.x, dq)
        self.dWk = np.einsum("btw,btd->wd", self.x, dk)
        self.dWv = np.einsum("btw,btd->wd", self.x, dv)

    def step(self, rate):
        for name in ("Wq", "Wk", "Wv"):
            weight = getattr(self, name)
            weight -= rate * getattr(self, "d" + name)


# every token becomes the value part of the token whose key is nearest to its own
def batch(n=24, tokens=5):
    x = rng.normal(size=(n, tokens, 6))
    similar = x[:, :, :3] @ x[:, :, :3].transpose(0, 2, 1)
    y = np.zeros_like(x)
    y[:, :, 3:] = softmax(2 * similar) @ x[:, :, 3:]
    return x, y


net = Attention(6, 4)
record = []
for step in range(300):
    x, y = batch()
    out = net.forward(x)
    record.append(0.5 * np.sum((out - y) ** 2) / len(x))
    net.backward((out - y) / len(x))
    net.step(0.03)
    if step % 60 == 59:
        print("step %3d  loss %.3f" % (step + 1, np.mean(record[-60:])))
