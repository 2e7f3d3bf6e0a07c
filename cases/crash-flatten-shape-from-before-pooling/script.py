import numpy as np


class SmallConvNet:
    def __init__(self, kernels=3, size=3, pooled=27, classes=2):
        rs = np.random.RandomState(15)
        self.kernel = rs.randn(kernels, size, size) * 0.5
        self.dense = rs.randn(pooled, classes) * 0.2
        self.size = size

    def conv(self, x):
        n, h, w = x.shape
        s = self.size
        out = np.zeros((n, len(self.kernel), h - s + 1, w - s + 1))
        for i in range(s):
            for j in range(s):
                patch = x[:, None, i:i + out.shape[2], j:j + out.shape[3]]
                out += patch * self.kernel[None, :, i, j, None, None]
        return out

    def forward(self, x):
        self.x = x
        self.maps = np.maximum(self.conv(x), 0)
        self.shape = self.maps.shape
        # 2x2 mean pooling
        n, k, h, w = self.maps.shape
        self.pooled = self.maps.reshape(n, k, h // 2, 2, w // 2, 2).mean(axis=(3, 5))
        self.flat = self.pooled.reshape(n, -1)
        z = self.flat @ self.dense
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def backward(self, probs, t):
        d = (probs - t) / len(t)
        self.d_dense = self.flat.T @ d
        d_flat = d @ self.dense.T
        d_pooled = d_flat.reshape(self.shape)
        d_maps = d_pooled.repeat(2, axis=2).repeat(2, axis=3) / 4
        d_maps = d_maps * (self.maps > 0)
        self.d_kernel = np.zeros_like(self.kernel)
        for i in range(self.size):
            for j in range(self.size):
                patch = self.x[:, None, i:i + d_maps.shape[2], j:j + d_maps.shape[3]]
                self.d_kernel[:, i, j] = (patch * d_maps).sum(axis=(0, 2, 3))


# crosses and boxes, 8 x 8 pixels
rs = np.random.RandomState(0)
pictures, t = [], []
for n in range(40):
    pic = 0.2 * rs.randn(8, 8)
    r, c = rs.randint(0, 4, 2)
    if n % 2:
        pic[r:r + 5, c + 2] += 1
        pic[r + 2, c:c + 5] += 1
    else:
        pic[r:r + 5, [c, c + 4]] += 1
        pic[[r, r + 4], c:c + 5] += 1
    pictures.append(pic)
    t.append([n % 2, 1 - n % 2])
pictures, t = np.array(pictures), np.array(t, dtype=float)

net = SmallConvNet()
losses = []
for epoch in range(12):
    total = 0
    for k in range(0, 40, 10):
        probs = net.forward(pictures[k:k + 10])
        total -= np.sum(t[k:k + 10] * np.log(probs)) / 40
        net.backward(probs, t[k:k + 10])
        net.kernel -= 0.3 * net.d_kernel
        net.dense -= 0.3 * net.d_dense
    losses.append(total)
    print("epoch", epoch, "loss", total.round(4))
