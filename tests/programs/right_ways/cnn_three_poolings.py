import numpy as np

rs = np.random.RandomState(54)
# tiny CNN: conv 3x3 (same) -> relu -> max pool 2 -> conv 3x3 (valid) -> tanh -> average pool 2 -> dense


def im2col(x, k):
    n, c, h, w = x.shape
    win = np.lib.stride_tricks.sliding_window_view(x, (k, k), axis=(2, 3))      # n c oh ow k k
    oh, ow = h - k + 1, w - k + 1
    return win.transpose(0, 2, 3, 1, 4, 5).reshape(n * oh * ow, c * k * k)


def col2im(cols, shape, k):
    n, c, h, w = shape
    oh, ow = h - k + 1, w - k + 1
    cols = cols.reshape(n, oh, ow, c, k, k).transpose(0, 3, 4, 5, 1, 2)
    x = np.zeros(shape)
    for i in range(k):
        for j in range(k):
            x[:, :, i:i + oh, j:j + ow] += cols[:, :, i, j]
    return x


class Conv:
    def __init__(self, cin, cout, k, pad):
        self.W = rs.randn(cin * k * k, cout) * np.sqrt(2. / (cin * k * k))
        self.b = np.zeros(cout)
        self.k, self.pad = k, pad

    def forward(self, x):
        p = self.pad
        xp = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        self.shape, self.cols = xp.shape, im2col(xp, self.k)
        n, _, h, w = xp.shape
        out = self.cols @ self.W + self.b
        return out.reshape(n, h - self.k + 1, w - self.k + 1, -1).transpose(0, 3, 1, 2)

    def backward(self, g):
        g = g.transpose(0, 2, 3, 1).reshape(-1, self.b.size)
        self.dW, self.db = self.cols.T @ g, g.sum(0)
        dx = col2im(g @ self.W.T, self.shape, self.k)
        p = self.pad
        return dx[:, :, p:-p, p:-p] if p else dx


class MaxPool2:
    def forward(self, x):
        n, c, h, w = x.shape
        v = x.reshape(n, c, h // 2, 2, w // 2, 2)
        y = v.max(axis=(3, 5), keepdims=True)
        self.mask = (v == y) / (v == y).sum(axis=(3, 5), keepdims=True)     # ties share
        return y[:, :, :, 0, :, 0]

    def backward(self, g):
        d = self.mask * g[:, :, :, None, :, None]
        n, c, a, _, b, _ = d.shape
        return d.reshape(n, c, 2 * a, 2 * b)


class AvgPool2:
    def forward(self, x):
        n, c, h, w = x.shape
        return x.reshape(n, c, h // 2, 2, w // 2, 2).mean(axis=(3, 5))

    def backward(self, g):
        return g.repeat(2, axis=2).repeat(2, axis=3) / 4


class Act:
    def __init__(self, f, df):
        self.f, self.df = f, df

    def forward(self, x):
        self.y = self.f(x)
        return self.y

    def backward(self, g):
        return g * self.df(self.y)            # both slopes written in terms of the OUTPUT


class Dense:
    def __init__(self, i, o):
        self.W, self.b = rs.randn(i, o) * .1, np.zeros(o)

    def forward(self, x):
        self.shape = x.shape
        self.x = x.reshape(len(x), -1)
        return self.x @ self.W + self.b

    def backward(self, g):
        self.dW, self.db = self.x.T @ g, g.sum(0)
        return (g @ self.W.T).reshape(self.shape)


net = [Conv(1, 4, 3, 1), Act(lambda z: np.maximum(z, 0), lambda y: y > 0), MaxPool2(), Conv(4, 5, 3, 0),
       Act(np.tanh, lambda y: 1 - y * y), AvgPool2(), Dense(5 * 2 * 2, 3)]
y = rs.randint(0, 3, 90)
x = rs.randn(90, 1, 12, 12) * .3
for i in range(90):
    j = rs.randint(2, 9)
    stripe = np.zeros((12, 12))
    stripe[j] = 1
    x[i, 0] += 1.5 * (stripe, stripe.T, np.eye(12, k=j - 6))[y[i]]
for it in range(81):
    rows = rs.choice(90, 45, replace=False)
    s = x[rows]
    for l in net:
        s = l.forward(s)
    p = np.exp(s) / np.exp(s).sum(1, keepdims=True)
    loss = -np.log(p[np.arange(45), y[rows]]).mean()
    g = (p - np.eye(3)[y[rows]]) / 45
    for l in reversed(net):
        g = l.backward(g)
    for l in net:
        if hasattr(l, "W"):
            l.W -= 0.3 * l.dW
            l.b -= 0.3 * l.db
    if it % 20 == 0:
        print(it, "loss %.4f acc %.2f" % (loss, (p.argmax(1) == y[rows]).mean()))
