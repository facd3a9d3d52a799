"""Nodes of `kernel::mixture`: tanh z = E erf(z/(sqrt 2 K)) with K of Kolmogorov's law, by Gauss quadrature in ln K.

    python3 tests/reference/tanh_mixture.py      (pip install mpmath)

tanh is twice the logistic distribution function of 2z, less 1, and the logistic law is a mixture of Gaussians of deviation 2K
(Andrews, Mallows 1974). Prints 1/K^2 and the weight of every node.
"""
from mpmath import mp, mpf, exp, sqrt, pi, matrix, eigsy, log

mp.dps = 40
NODES = 12


def density(k):
    """Density of K: the series that converges faster."""
    if k > mpf("0.9"):
        return 8 * k * sum((-1) ** (j + 1) * j * j * exp(-2 * j * j * k * k) for j in range(1, 12))
    q = [mpf(2 * j - 1) ** 2 * pi**2 / 8 for j in range(1, 12)]
    return sqrt(2 * pi) * sum(exp(-x / k**2) * (2 * x / k**4 - 1 / k**2) for x in q)


# The trapezoid rule in ln K converges like exp(-pi^2/(2 h)).
h = mpf("0.04")
t = [h * j for j in range(-60, 55)]
w = [density(exp(x)) * exp(x) * h for x in t]
total = sum(w)
assert abs(total - 1) < mpf("1e-30"), total
# Stieltjes: the recurrence of the orthogonal polynomials, and its Jacobi matrix.
before, now, last = [mpf(0)] * len(t), [1 / sqrt(total)] * len(t), mpf(0)
jacobi = matrix(NODES, NODES)
for i in range(NODES):
    centre = sum(v * x * p * p for v, x, p in zip(w, t, now))
    rest = [(x - centre) * p - last * q for x, p, q in zip(t, now, before)]
    last = sqrt(sum(v * r * r for v, r in zip(w, rest)))
    jacobi[i, i] = centre
    if i + 1 < NODES:
        jacobi[i, i + 1] = jacobi[i + 1, i] = last
    before, now = now, [r / last for r in rest]
values, vectors = eigsy(jacobi)
for i in range(NODES):
    print(f"    ({float(exp(-2 * values[i]))!r}, {float(vectors[0, i] ** 2)!r}),")
