import numpy as np

# One-step actor-critic on a 4x4 grid; actor and critic share the first layer; entropy bonus; semi-gradient TD(0).
rng = np.random.default_rng(32)
SIDE, GOAL, GAMMA, ENT = 4, 15, 0.95, 0.01
S, A, H = SIDE * SIDE, 4, 24
Wh = rng.normal(0, .3, (S, H))
bh = np.zeros(H)
Wpi = rng.normal(0, .1, (H, A))
wv = rng.normal(0, .1, H)
lr = 0.05


def move(s, a):
    r, c = divmod(s, SIDE)
    r = min(SIDE - 1, max(0, r + (a == 1) - (a == 0)))
    c = min(SIDE - 1, max(0, c + (a == 3) - (a == 2)))
    s2 = r * SIDE + c
    return s2, (1.0 if s2 == GOAL else -0.01), s2 == GOAL


def look(s):
    h = np.tanh(Wh[s] + bh)              # one-hot input times Wh is just a row of it
    z = h @ Wpi
    p = np.exp(z - z.max())
    return h, p / p.sum(), h @ wv


lengths = []
for ep in range(250):
    s, n = 0, 0
    while n < 60:
        h, p, v = look(s)
        a = rng.choice(A, p=p)
        s2, r, done = move(s, a)
        n += 1
        v2 = 0.0 if done else look(s2)[2]
        adv = r + GAMMA * v2 - v         # target is held fixed; also the (constant) weight of the actor term
        # loss = -log p[a] * adv - ENT * entropy + 0.5 * (target - v)^2
        logp = np.log(p + 1e-12)
        entropy = -(p * logp).sum()
        dz = adv * p
        dz[a] -= adv
        dz += ENT * p * (logp + entropy)
        dv = -adv
        dWpi = np.outer(h, dz)
        dwv = dv * h
        dpre = (Wpi @ dz + wv * dv) * (1 - h * h)
        Wpi -= lr * dWpi
        wv -= lr * dwv
        Wh[s] -= lr * dpre
        bh -= lr * dpre
        s = s2
        if done:
            break
    lengths.append(n)
    if ep % 50 == 49:
        print(f"episode {ep + 1}: mean length {np.mean(lengths[-20:]):.1f}, V(start) {look(0)[2]:.3f}")
