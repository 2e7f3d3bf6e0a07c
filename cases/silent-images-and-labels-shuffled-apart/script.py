import numpy as np

np.random.seed(21)
images = np.random.rand(120, 9)
labels = (images[:, 4:5] > images.mean(axis=1, keepdims=True)).astype(float)
kept_images, kept_labels = images.copy(), labels.copy()


def forward(p, x):
    hidden = np.maximum(0, x @ p["w1"] + p["b1"])
    return hidden, 1 / (1 + np.exp(-(hidden @ p["w2"] + p["b2"])))


def gradients(p, x, y):
    hidden, out = forward(p, x)
    d2 = (out - y) / len(x)
    d1 = d2 @ p["w2"].T * (hidden > 0)
    return {"w1": x.T @ d1, "b1": d1.sum(axis=0), "w2": hidden.T @ d2, "b2": d2.sum(axis=0)}


p = {"w1": np.random.randn(9, 12) * 0.4, "b1": np.zeros(12), "w2": np.random.randn(12, 1) * 0.4, "b2": np.zeros(1)}
for epoch in range(150):
    np.random.shuffle(images)
    np.random.shuffle(labels)
    for start in range(0, len(images), 30):
        g = gradients(p, images[start : start + 30], labels[start : start + 30])
        for key in p:
            p[key] -= 0.8 * g[key]
accuracy = np.mean((forward(p, kept_images)[1] > 0.5) == (kept_labels > 0.5))
print("accuracy on the pairs as they came: %.2f" % accuracy)
