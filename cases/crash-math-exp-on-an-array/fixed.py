from math import exp

import numpy as np


def sigmoide(x):
    return 1 / (1 + np.exp(-x))


def derivada(y):
    return y * (1 - y)


def propagar(entrada, pesos, umbrales):
    salidas = [entrada]
    for w, u in zip(pesos, umbrales):
        salidas.append(sigmoide(w @ salidas[-1] + u))
    return salidas


def retropropagar(salidas, deseado, pesos):
    n = deseado.shape[1]
    delta = (salidas[2] - deseado) * derivada(salidas[2])
    dw2 = delta @ salidas[1].T / n
    du2 = delta.sum(axis=1, keepdims=True) / n
    delta = (pesos[1].T @ delta) * derivada(salidas[1])
    dw1 = delta @ salidas[0].T / n
    du1 = delta.sum(axis=1, keepdims=True) / n
    return [dw1, dw2], [du1, du2]


# tabla de verdad de (a y b) o (c y no a)
tabla = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)]).T
deseado = ((tabla[0] & tabla[1]) | (tabla[2] & (1 - tabla[0]))).reshape(1, 8)

azar = np.random.RandomState(13)
pesos = [azar.randn(4, 3), azar.randn(1, 4)]
umbrales = [azar.randn(4, 1), azar.randn(1, 1)]

errores = []
for epoca in range(1500):
    salidas = propagar(tabla, pesos, umbrales)
    errores.append(np.mean((salidas[-1] - deseado) ** 2))
    dw, du = retropropagar(salidas, deseado, pesos)
    for k in (0, 1):
        pesos[k] -= 5 * dw[k]
        umbrales[k] -= 5 * du[k]

print("error inicial", errores[0])
print("error final  ", errores[-1])
print((salidas[-1] > 0.5).astype(int))
