"""Reference values of dual activations and of network kernels, by Gaussian integrals with mpmath.

    python3 tests/reference/duals.py > tests/reference/duals.txt      (pip install mpmath gmpy2; some ten minutes)

u, v are Gaussian with variances a, b and covariance c = s sqrt(ab) cos(eta), s = +1 or -1:
F = E[phi(u) phi(v)] and F' = E[phi'(u) phi'(v)]. The integral over v at fixed u is elementary, but for tanh, where it is a second
integral; the one over u is done panel by panel. No formula of the program is used.
"""
import gmpy2
from functools import lru_cache
from gmpy2 import mpfr
from mpmath import mp, mpf, sqrt, exp, erf, erfc, tanh, sech, cos, sin, pi, legendre

mp.dps = 30
PHI = lambda z: erfc(-z / sqrt(mpf(2))) / 2
DENSITY = lambda z: exp(-z * z / 2) / sqrt(2 * pi)
HERMITE = [mpf(x) / 10 for x in (3, 10, -4, 2, 1)]  # coefficients of he_k = He_k/sqrt(k!)


def powers():
    """The same in powers of z, lowest first."""
    he = [[mpf(1)], [mpf(0), mpf(1)]]
    for k in range(1, len(HERMITE)):
        a, b = [mpf(0)] + he[k], [k * x for x in he[k - 1]] + [mpf(0)] * 2
        he.append([x - y for x, y in zip(a, b)])
    total = [mpf(0)] * len(HERMITE)
    for k, c in enumerate(HERMITE):
        for i, x in enumerate(he[k]):
            total[i] += c * x / sqrt(mp.factorial(k))
    return total


POLYNOMIAL = powers()
SLOPES = [k * c for k, c in enumerate(POLYNOMIAL)][1:]
value = lambda p, z: mp.polyval(p[::-1], z)


def moment_mean(p, m, s):
    """E[p(m + s z)] of a polynomial."""
    total = mpf(0)
    for n, c in enumerate(p):
        for j in range(0, n + 1, 2):
            total += c * mp.binomial(n, j) * m ** (n - j) * s**j * mp.fac2(j - 1)
    return total


def rule(n):
    nodes = [mp.cos(pi * (i + mpf(3) / 4) / (n + mpf(1) / 2)) for i in range(n)]
    out = []
    for x in nodes:
        for _ in range(8):
            p, before = legendre(n, x), legendre(n - 1, x)
            slope = n * (x * p - before) / (x * x - 1)
            x -= p / slope
        p, before = legendre(n, x), legendre(n - 1, x)
        slope = n * (x * p - before) / (x * x - 1)
        out.append((x, 2 / ((1 - x * x) * slope * slope)))
    return out


RULE = {20: rule(20)}


def panels(f, points, n):
    points = sorted(set(points))
    total = mpf(0)
    for low, high in zip(points, points[1:]):
        middle, half = (low + high) / 2, (high - low) / 2
        if half > 0:
            total += half * sum(w * f(middle + half * x) for x, w in RULE[n])
    return total


STEPS = (mpf("0.25"), mpf("0.5"), 1, mpf("1.5"), 2, 3, 4, 6, 8, 11, 15, 20, 26)


FAST = gmpy2.context(precision=90)
FAST_RULE = None


def tanh_mean(slope, m, s):
    """E[tanh(m + s z)] or E[tanh'(m + s z)], panels about the mean and about the step; in 90 bits, which is faster."""
    global FAST_RULE
    with FAST:
        FAST_RULE = FAST_RULE or [(mpfr(mp.nstr(x, 30)), mpfr(mp.nstr(w, 30))) for x, w in RULE[20]]
        m, s = mpfr(mp.nstr(m, 28)), mpfr(mp.nstr(s, 28))
        f = (lambda v: 1 / gmpy2.cosh(v) ** 2) if slope else gmpy2.tanh
        if s == 0:
            return mpf(str(f(m)))
        edges = [m + k * s * sign for k in (0, 1, 2, 3, 4, 6, 10) for sign in (1, -1)]
        low, high = min(edges), max(edges)
        edges += [x for k in (0, 0.5, 1, 1.5, 2, 3, 4, 6, 8, 11, 15, 20, 26) for x in (mpfr(k), -mpfr(k)) if low < x < high]
        edges = sorted(set(edges))
        total = mpfr(0)
        for a, b in zip(edges, edges[1:]):
            middle, half = (a + b) / 2, (b - a) / 2
            for x, w in FAST_RULE:
                v = middle + half * x
                z = (v - m) / s
                total += half * w * f(v) * gmpy2.exp(-z * z / 2)
        return mpf(str(total / (s * gmpy2.sqrt(2 * gmpy2.const_pi()))))


R2 = sqrt(mpf(2))
KINDS = {
    # phi(u), E[phi(v) | mean m, deviation s], phi'(u), E[phi'(v) | m, s]
    "linear": (lambda u: u, lambda m, s: m, lambda u: mpf(1), lambda m, s: mpf(1)),
    "erf": (
        lambda u: erf(u / R2),
        lambda m, s: erf(m / sqrt(2 * (1 + s * s))),
        lambda u: 2 * DENSITY(u),
        lambda m, s: 2 * DENSITY(m / sqrt(1 + s * s)) / sqrt(1 + s * s),
    ),
    "unscaled-erf": (
        lambda u: erf(u),
        lambda m, s: erf(m / sqrt(1 + 2 * s * s)),
        lambda u: 2 * exp(-u * u) / sqrt(pi),
        lambda m, s: 2 * exp(-m * m / (1 + 2 * s * s)) / sqrt(pi * (1 + 2 * s * s)),
    ),
    "relu": (
        lambda u: max(u, mpf(0)),
        lambda m, s: max(m, mpf(0)) if s == 0 else m * PHI(m / s) + s * DENSITY(m / s),
        lambda u: mpf(1) if u > 0 else mpf(0),
        lambda m, s: (mpf(1) if m > 0 else mpf(0)) if s == 0 else PHI(m / s),
    ),
    "gelu": (
        lambda u: u * PHI(u),
        lambda m, s: m * PHI(m / sqrt(1 + s * s)) + s * s / sqrt(1 + s * s) * DENSITY(m / sqrt(1 + s * s)),
        lambda u: PHI(u) + u * DENSITY(u),
        lambda m, s: PHI(m / sqrt(1 + s * s)) + m / (1 + s * s) ** mpf("1.5") * DENSITY(m / sqrt(1 + s * s)),
    ),
    "quadratic": (lambda u: u * u, lambda m, s: m * m + s * s, lambda u: 2 * u, lambda m, s: 2 * m),
    "tanh": (
        tanh,
        lambda m, s: tanh_mean(False, m, s),
        lambda u: sech(u) ** 2,
        lambda m, s: tanh_mean(True, m, s),
    ),
    "hermite": (
        lambda u: value(POLYNOMIAL, u),
        lambda m, s: moment_mean(POLYNOMIAL, m, s),
        lambda u: value(SLOPES, u),
        lambda m, s: moment_mean(SLOPES, m, s),
    ),
}


@lru_cache(maxsize=None)
def dual(kind, a, b, sign, eta):
    """F and F' at variances a, b and the angle eta to the parallel (sign 1) or antiparallel (sign -1) pair."""
    f, f_mean, g, g_mean = KINDS[kind]
    digits = mp.dps
    mp.dps = 22 if kind == "tanh" else digits
    root, other = sqrt(a), sqrt(b)
    ratio, s = sign * other / root * cos(eta), other * sin(eta)
    # Where the integrand bends: the width of the Gaussian, the step of phi, the step of the mean at fixed u.
    bends = [root, mpf(1)]
    if ratio != 0:
        bends += [sqrt(1 + s * s) / abs(ratio), max(s, mpf("1e-30")) / abs(ratio)]
    points = [mpf(0), 14 * root]
    for bend in bends:
        points += [k * bend for k in STEPS if k * bend < 14 * root]
    # Few panels where points all but meet.
    points.sort()
    kept = [points[0]]
    for x in points[1:]:
        if x - kept[-1] > mpf("1e-6") * x:
            kept.append(x)
    n = 20
    weight = lambda u: exp(-u * u / (2 * a)) / sqrt(2 * pi * a)
    both = lambda h, mean: panels(
        lambda u: weight(u) * (h(u) * mean(ratio * u, s) + h(-u) * mean(-ratio * u, s)), kept, n
    )
    odd = lambda h, mean: panels(lambda u: 2 * weight(u) * h(u) * mean(ratio * u, s), kept, n)
    result = (odd if kind == "tanh" else both)(f, f_mean), (odd if kind == "tanh" else both)(g, g_mean)
    mp.dps = digits
    return result


def angle(a, b, c):
    """Sign and angle of a covariance."""
    sign = -1 if c < 0 else 1
    return sign, mp.atan2(sqrt(max(a * b - c * c, mpf(0))), abs(c))


def network(kind, xx, yy, sign, eta, depth=2, weight=mpf("1.5"), bias=mpf("0.1")):
    """NNGP kernel and tangent kernel of |x|^2/d = xx, |y|^2/d = yy and the angle eta."""
    a, b = weight * xx + bias, weight * yy + bias
    c = weight * sign * sqrt(xx * yy) * cos(eta) + bias
    tangent = c
    for _ in range(depth):
        same = eta == 0 and sign == 1 and xx == yy
        value, slope = dual(kind, a, b, *((1, mpf(0)) if same else angle(a, b, c)))
        a, b = (weight * dual(kind, q, q, 1, mpf(0))[0] + bias for q in (a, b))
        c = weight * value + bias
        tangent = c + weight * slope * tangent
    return c, tangent


def row(*cells):
    text = lambda x: mp.nstr(x, 20) if isinstance(x, mpf) else str(x)
    print(" ".join(map(text, cells)), flush=True)


def main():
    print("# python3 tests/reference/duals.py > tests/reference/duals.txt")
    print("# dual KIND a b s eta F F': covariance c = s sqrt(ab) cos(eta)")
    print("# network KIND |x|^2/d |y|^2/d s eta NNGP NTK: depth 2, weight_variance 1.5, bias_variance 0.1")
    print("# hermite has the coefficients 0.3 1 -0.4 0.2 0.1")
    variances = [("1e-3", "1e-3"), ("1", "1"), ("30", "700"), ("1e7", "1e7"), ("1e-3", "1e7")]
    angles = [(1, "0"), (1, "1e-8"), (1, "1e-4"), (1, "0.3"), (-1, "1.2"), (-1, "1e-4"), (-1, "1e-8"), (-1, "0")]
    for kind in KINDS:
        for a, b in variances:
            for sign, eta in angles:
                print("dual", kind, a, b, sign, eta, end=" ")
                row(*dual(kind, mpf(a), mpf(b), sign, mpf(eta)))
        for xx, yy in [("1", "2"), ("1e7", "1e7")]:
            for sign, eta in [(1, "0"), (1, "1e-8"), (1, "1e-4"), (1, "1"), (-1, "1e-4")]:
                print("network", kind, xx, yy, sign, eta, end=" ")
                row(*network(kind, mpf(xx), mpf(yy), sign, mpf(eta)))


if __name__ == "__main__":
    main()
