import numpy as np

rng = np.random.RandomState(88)
HID, INP, STEPS = 5, 3, 7

params = {
    "W": rng.randn(HID, HID + INP) * 0.4,     # acts on [h, x]
    "Wg": rng.randn(HID, HID + INP) * 0.4,    # gate
    "b": np.zeros((HID, 1)),
    "bg": np.zeros((HID, 1)),
    "U": rng.randn(1, HID) * 0.4,
}


def unroll(xs):
    h = np.zeros((HID, 1))
    tape = []
    for x in xs:
        z = np.vstack((h, x))
        g = 1 / (1 + np.exp(-(params["Wg"] @ z + params["bg"])))
        n = np.tanh(params["W"] @ z + params["b"])
        h_new = g * n + (1 - g) * h
        tape.append((z, g, n, h))
        h = h_new
    return params["U"] @ h, h, tape


def gradients(xs, wanted):
    y, h_last, tape = unroll(xs)
    err = y - wanted
    grads = {k: np.zeros_like(v) for k, v in params.items()}
    grads["U"] += err @ h_last.T
    dh = params["U"].T @ err
    for z, g, n, h_prev in reversed(tape):
        dn = dh * g * (1 - n ** 2)
        dg = dh * (n - h_prev) * g * (1 - g)
        grads["W"] += dn @ z.T
        grads["Wg"] += dg @ z.T
        grads["b"] += dn
        grads["bg"] += dg
        dz = params["W"].T @ dn + params["Wg"].T @ dg
        dh = dh * (1 - g) + dz[:HID]
    return 0.5 * (err ** 2).item(), grads


# how much louder is the first channel than the second, over the whole sequence?
def sample():
    xs = rng.rand(STEPS, INP, 1)
    return xs, float(np.sum(xs[:, 0] - xs[:, 1]))


average = []
for it in range(600):
    loss, grads = gradients(*sample())
    average.append(loss)
    for k in params:
        params[k] -= 0.1 * grads[k]
    if it % 150 == 149:
        print("after", it + 1, "sequences:", np.mean(average[-150:]).round(4))
