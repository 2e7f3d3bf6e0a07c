import numpy as np

np.random.seed(17)


def activation(z):
    return np.tanh(z)


def avant(reseau, x):
    cachee = activation(reseau["W1"].dot(x) + reseau["b1"])
    sortie = reseau["W2"].dot(cachee) + reseau["b2"]
    return cachee, sortie


def apprendre(reseau, x, voulu, pas):
    """une descente de gradient sur un seul exemple"""
    cachee, sortie = avant(reseau, x)

    erreur = sortie - voulu
    erreur_cachee = reseau["W2"].T.dot(erreur) * (1 - cachee ** 2)

    # mise a jour
    reseau["W2"] -= pas * np.dot(erreur, cachee)
    reseau["b2"] -= pas * erreur
    reseau["W1"] -= pas * np.dot(erreur_cachee, x)
    reseau["b1"] -= pas * erreur_cachee
    return 0.5 * np.sum(erreur ** 2)


# coordonnees polaires -> cartesiennes
rayon = np.random.uniform(0.3, 1.0, 70)
angle = np.random.uniform(-1.5, 1.5, 70)
exemples = np.c_[rayon, angle, rayon * angle]
cibles = np.c_[rayon * np.cos(angle), rayon * np.sin(angle)]

reseau = {
    "W1": np.random.randn(4, 3) * 0.6,
    "b1": np.zeros(4),
    "W2": np.random.randn(2, 4) * 0.6,
    "b2": np.zeros(2),
}

couts = []
for tour in range(60):
    total = 0
    for x, voulu in zip(exemples, cibles):
        total += apprendre(reseau, x, voulu, 0.05)
    couts.append(total / len(exemples))

print("cout au debut : %.4f" % couts[0])
print("cout a la fin : %.4f" % couts[-1])
