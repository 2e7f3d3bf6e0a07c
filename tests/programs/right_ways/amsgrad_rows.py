# AMSGrad (Reddi et al.): the denominator never shrinks. Written for a 3-layer ELU net, lists of [W, b].
import numpy as np

rs = np.random.RandomState(77)
N = 180
theta = rs.uniform(0, 2 * np.pi, N)
cls = np.arange(N) % 3
r = 1 + cls + rs.normal(0, .15, N)
data = np.c_[r * np.cos(theta), r * np.sin(theta)]
onehot = (cls[:, None] == np.arange(3)).astype(float)

dims = [2, 16, 9, 3]
layers = [[rs.randn(i, o) * np.sqrt(1.0 / i), np.zeros(o)] for i, o in zip(dims, dims[1:])]
M = [[np.zeros_like(w) for w in l] for l in layers]
Vv = [[np.zeros_like(w) for w in l] for l in layers]
Vmax = [[np.zeros_like(w) for w in l] for l in layers]


def elu(z):
    return np.where(z > 0, z, np.expm1(np.minimum(z, 0)))


def run(x):
    acts, x_in = [x], x
    for k, (W, b) in enumerate(layers):
        z = acts[-1] @ W + b
        acts.append(elu(z) if k < len(layers) - 1 else z)
    s = acts.pop()
    e = np.exp(s - s.max(1, keepdims=True))
    return acts, e / e.sum(1, keepdims=True)


for epoch in range(1, 61):
    order = rs.permutation(N)
    for s in range(0, N, 30):
        rows = order[s:s + 30]
        acts, prob = run(data[rows])
        delta = (prob - onehot[rows]) / len(rows)
        grads = []
        for k in range(len(layers) - 1, -1, -1):
            grads.insert(0, [acts[k].T @ delta, delta.sum(0)])
            if k > 0:
                # slope of ELU from its output: 1 if a > 0, else a + 1
                delta = (delta @ layers[k][0].T) * np.where(acts[k] > 0, 1, acts[k] + 1)
        for l in range(len(layers)):
            for j in (0, 1):
                g = grads[l][j]
                M[l][j] = .9 * M[l][j] + .1 * g
                Vv[l][j] = .99 * Vv[l][j] + .01 * g ** 2
                Vmax[l][j] = np.maximum(Vmax[l][j], Vv[l][j])
                layers[l][j] = layers[l][j] - .02 * M[l][j] / (np.sqrt(Vmax[l][j]) + 1e-8)
    if epoch % 15 == 0:
        p = run(data)[1]
        print(epoch, 'xent %.4f' % -np.log((p * onehot).sum(1)).mean(), 'acc %.3f' % (p.argmax(1) == cls).mean())
