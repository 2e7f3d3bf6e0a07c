# Soft mixture of linear experts (Jacobs et al. 1991), all experts held in one 3-D array; einsum everywhere
import numpy as np

rng = np.random.default_rng(58)
E, D = 4, 3
x = np.hstack([rng.uniform(-2, 2, (300, 2)), np.ones((300, 1))])          # last column carries the bias
y = np.abs(x[:, 0]) - np.maximum(x[:, 1], 0) * 1.5

experts = rng.normal(size=(E, D)) * 0.5
gate = rng.normal(size=(E, D)) * 0.5
balance = 0.01            # pushes the mean use of the experts towards uniform


def objective(experts, gate):
    u = np.einsum("nd,ed->ne", x, gate)
    u = u - u.max(1, keepdims=True)
    p = np.exp(u) / np.exp(u).sum(1, keepdims=True)
    out = np.einsum("nd,ed->ne", x, experts)
    mix = np.einsum("ne,ne->n", p, out)
    r = mix - y
    usage = p.mean(0)
    J = 0.5 * np.mean(r ** 2) + balance * E * np.sum(usage ** 2)

    dmix = r / len(y)
    dout = dmix[:, None] * p
    dp = dmix[:, None] * out + 2 * balance * E * usage / len(y)
    du = p * (dp - np.einsum("ne,ne->n", dp, p)[:, None])                  # full softmax Jacobian
    return J, np.einsum("ne,nd->ed", dout, x), np.einsum("ne,nd->ed", du, x)


v1, v2 = np.zeros_like(experts), np.zeros_like(gate)
for it in range(1001):
    J, g_exp, g_gate = objective(experts, gate)
    v1 = 0.9 * v1 - 0.1 * g_exp
    v2 = 0.9 * v2 - 0.3 * g_gate          # the gate has its own rate
    experts = experts + v1
    gate = gate + v2
    if it % 250 == 0:
        print("it %4d  J = %.5f" % (it, J))
