"""The same work here and in peers, interleaved, and the table of ratios.

    python3 -m venv target/peers
    target/peers/bin/pip install -r benches/against/requirements.txt
    target/peers/bin/python benches/against/run.py            # one and two threads, five rounds
    target/peers/bin/python benches/against/run.py --threads 1 --rounds 9 --only mlp,ridge

A round times every contender of a work once, in turn; the table shows medians over the rounds and their ratio to ours (above 1: we are
faster). Peers that are not installed are left out, visibly. Threads are limited by the processors that a process may run on.
"""

import argparse
import datetime
import json
import math
import os
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Work -> floating-point operations of the matrix products of one step, and whether it runs on several threads.
OPERATIONS = {
    "mlp": (512 * (4 * 64 * 256 + 6 * 256), False),
    "replicas": (64 * 256 * (4 * 32 * 64 + 6 * 64), True),
}
TARGETS = {  # work -> peer -> ratio to reach
    "mlp": {"torch": 2.0, "jax": 1.1},
    "replicas": {"torch": 5.0, "jax": 2.0},
    "transformer": {"torch": 1.5, "jax": 1.5},
    "kernels": {"jax": 2.0},
    "ridge": {"numpy": 1.0},
    "langevin": {"numpy": 20.0, "jax": 3.0},
    "dmft": {"numpy": 20.0},
}
TITLES = {
    "mlp": "MLP 64-256-1 ReLU, batch 512, step, f32",
    "replicas": "64 replicas of an MLP 32-64-1, P = 256, full batch, step, f32",
    "transformer": "transformer 2 layers, d = 64, 4 heads, context 10, batch 256, Adam step, f32",
    "kernels": "NNGP + NTK Gram, ReLU depth 10, P = 2000, d = 784",
    "ridge": "kernel ridge P = 4000: Gram, Cholesky, predict 4000, f64",
    "langevin": "Langevin: 64 chains of a 200-parameter net, P = 16, step, f64",
    "dmft": "DMFT of 5 linear layers, P = 20, T = 100: outputs and kernels, f64",
}
# Work -> largest distance of the numbers that both sides find.
AGREEMENT = {"dmft": 1e-9}


class Ours:
    """The Rust program, started once per number of threads."""

    def __init__(self, profile):
        build = subprocess.run(
            ["cargo", "bench", "--profile", profile, "--bench", "against", "--no-run", "--message-format=json"],
            cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True,
        )
        messages = map(json.loads, filter(lambda l: l.startswith("{"), build.stdout.splitlines()))
        programs = [m["executable"] for m in messages if m.get("target", {}).get("name") == "against" and m.get("executable")]
        self.process = subprocess.Popen([programs[-1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def time(self, work):
        self.process.stdin.write(work + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        return float(answer)


def per_unit(call, units):
    start = time.perf_counter()
    call(units)
    return (time.perf_counter() - start) / units


def torch_works(threads):
    import torch

    torch.set_num_threads(threads)

    def descend(parameters, loss, steps, rate=1e-3):
        for _ in range(steps):
            gradients = torch.autograd.grad(loss(parameters), parameters)
            with torch.no_grad():
                for p, g in zip(parameters, gradients):
                    p -= rate * g

    x, y = torch.randn(512, 64), torch.randn(512, 1)
    net = [(torch.randn(256, 64) / 8).requires_grad_(), (torch.randn(1, 256) / 16).requires_grad_()]

    def mlp_loss(p):
        return 0.5 * ((torch.relu(x @ p[0].T) @ p[1].T - y) ** 2).mean()

    xs, ys = torch.randn(256, 32), torch.randn(256, 1)
    nets = [(torch.randn(64, 32, 64) / 5.6).requires_grad_(), (torch.randn(64, 64, 1) / 8).requires_grad_()]
    tiled = xs.expand(64, 256, 32)

    def batched_loss(p):
        f = torch.bmm(torch.relu(torch.bmm(tiled, p[0])), p[1])
        return 0.5 * ((f - ys) ** 2).mean(dim=(1, 2)).sum()

    works = {
        "mlp": (lambda n: descend(net, mlp_loss, n), 300),
        "replicas": (lambda n: descend(nets, batched_loss, n), 30),
    }

    class Block(torch.nn.Module):
        def __init__(self, d, heads):
            super().__init__()
            self.heads = heads
            self.norm1, self.norm2 = torch.nn.LayerNorm(d), torch.nn.LayerNorm(d)
            self.qkv, self.out = torch.nn.Linear(d, 3 * d, bias=False), torch.nn.Linear(d, d, bias=False)
            self.up, self.down = torch.nn.Linear(d, 4 * d), torch.nn.Linear(4 * d, d)

        def forward(self, h):
            b, t, d = h.shape
            q, k, v = self.qkv(self.norm1(h)).reshape(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
            a = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            h = h + self.out(a.transpose(1, 2).reshape(b, t, d))
            return h + self.down(torch.nn.functional.gelu(self.up(self.norm2(h))))

    class Transformer(torch.nn.Module):
        def __init__(self, vocabulary=16, d=64, context=10):
            super().__init__()
            self.embed, self.position = torch.nn.Embedding(vocabulary, d), torch.nn.Parameter(0.1 * torch.randn(context, d))
            self.blocks = torch.nn.Sequential(Block(d, 4), Block(d, 4))
            self.norm, self.head = torch.nn.LayerNorm(d), torch.nn.Linear(d, vocabulary, bias=False)

        def forward(self, tokens):
            return self.head(self.norm(self.blocks(self.embed(tokens) + self.position)))

    model = Transformer()
    adam = torch.optim.Adam(model.parameters(), lr=1e-3)
    tokens, targets = torch.randint(16, (256, 10)), torch.randint(16, (256, 10))

    def transformer(n):
        for _ in range(n):
            adam.zero_grad()
            torch.nn.functional.cross_entropy(model(tokens).reshape(-1, 16), targets.reshape(-1)).backward()
            adam.step()

    works["transformer"] = (transformer, 10)
    return works


def jax_works(_threads):
    import jax
    import jax.numpy as jnp
    import numpy as np

    jax.config.update("jax_enable_x64", True)
    rng = np.random.default_rng(1)

    def normal(*shape, dtype=np.float32):
        return jnp.asarray(rng.standard_normal(shape), dtype=dtype)

    x, y, xs, ys = normal(512, 64), normal(512, 1), normal(256, 32), normal(256, 1)

    def loss(p, x, y):
        return 0.5 * jnp.mean((jax.nn.relu(x @ p[0]) @ p[1] - y) ** 2)

    def step(p, x, y):
        return [p - np.float32(1e-3) * g for p, g in zip(p, jax.grad(loss)(p, x, y))]

    one, many = jax.jit(step, donate_argnums=0), jax.jit(jax.vmap(step, in_axes=(0, None, None)), donate_argnums=0)
    state = {"one": [normal(64, 256) / 8, normal(256, 1) / 16], "many": [normal(64, 32, 64) / 5.6, normal(64, 64, 1) / 8]}

    def descend(name, f, x, y):
        def run(n):
            for _ in range(n):
                state[name] = f(state[name], x, y)
            jax.block_until_ready(state[name])

        return run

    wide = normal(2000, 784, dtype=np.float64)

    @jax.jit
    def grams(x):
        k = 2.0 * x @ x.T / x.shape[1] + 0.1
        theta = k
        for _ in range(10):
            d = jnp.sqrt(jnp.diag(k))
            norm = jnp.outer(d, d)
            c = jnp.clip(k / norm, -1.0, 1.0)
            angle = jnp.pi - jnp.arccos(c)
            slope = angle / (2 * jnp.pi)
            k = 2.0 * norm * (jnp.sqrt(1 - c * c) + c * angle) / (2 * jnp.pi) + 0.1
            theta = k + 2.0 * slope * theta
        return k, theta

    def kernels(n):
        for _ in range(n):
            jax.block_until_ready(grams(wide))

    # Leimkuhler-Matthews chains of f(x) = a . tanh(W x)/sqrt(N), 8 inputs, N = 22: 198 parameters.
    data, target = normal(16, 8, dtype=np.float64), normal(16, dtype=np.float64)

    def potential(p):
        f = jnp.tanh(data @ p[: 22 * 8].reshape(22, 8).T / math.sqrt(8)) @ p[22 * 8 :] / math.sqrt(22)
        return 0.5 * jnp.sum((f - target) ** 2) / 0.1 + 0.5 * jnp.sum(p * p)

    force = jax.vmap(jax.grad(potential))

    def langevin_step(carry, key):
        p, old = carry
        new = jax.random.normal(key, p.shape, dtype=p.dtype)
        return (p - 1e-3 * force(p) + math.sqrt(5e-4) * (old + new), new), None

    @jax.jit
    def langevin_chain(carry, keys):
        return jax.lax.scan(langevin_step, carry, keys)[0]

    chains = (normal(64, 198, dtype=np.float64), normal(64, 198, dtype=np.float64))

    def langevin(n):
        jax.block_until_ready(langevin_chain(chains, jax.random.split(jax.random.key(1), n)))

    # Pre-norm decoder, as in torch_works.
    def tensor(*shape):
        return normal(*shape) / math.sqrt(shape[0])

    def block():
        return {"qkv": tensor(64, 192), "out": tensor(64, 64), "up": tensor(64, 256), "b1": normal(256) * 0, "down": tensor(256, 64), "b2": normal(64) * 0,
                "n1": [normal(64) * 0 + 1, normal(64) * 0], "n2": [normal(64) * 0 + 1, normal(64) * 0]}

    model = {"embed": normal(16, 64), "position": normal(10, 64) / 10, "blocks": [block(), block()], "n": [normal(64) * 0 + 1, normal(64) * 0], "head": tensor(64, 16)}
    tokens, targets = jnp.asarray(rng.integers(16, size=(256, 10))), jnp.asarray(rng.integers(16, size=(256, 10)))
    mask = jnp.tril(jnp.ones((10, 10), dtype=bool))

    def norm(h, n):
        m = h.mean(-1, keepdims=True)
        return (h - m) * jax.lax.rsqrt(((h - m) ** 2).mean(-1, keepdims=True) + np.float32(1e-5)) * n[0] + n[1]

    def logits(m):
        h = m["embed"][tokens] + m["position"]
        for b in m["blocks"]:
            q, k, v = jnp.moveaxis((norm(h, b["n1"]) @ b["qkv"]).reshape(256, 10, 3, 4, 16), 2, 0)
            s = jnp.where(mask, jnp.einsum("bihc,bjhc->bhij", q, k) / np.float32(4), -jnp.inf)
            h = h + jnp.einsum("bhij,bjhc->bihc", jax.nn.softmax(s), v).reshape(256, 10, 64) @ b["out"]
            h = h + jax.nn.gelu(norm(h, b["n2"]) @ b["up"] + b["b1"], approximate=False) @ b["down"] + b["b2"]
        return norm(h, m["n"]) @ m["head"]

    def entropy(m):
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits(m)), targets[..., None], -1))

    @jax.jit
    def adam(state):
        m, first, second, t = state
        g = jax.grad(entropy)(m)
        t = t + 1
        b1, b2 = np.float32(0.9), np.float32(0.999)
        first = jax.tree.map(lambda a, g: b1 * a + (1 - b1) * g, first, g)
        second = jax.tree.map(lambda a, g: b2 * a + (1 - b2) * g * g, second, g)
        move = lambda p, a, b: p - np.float32(1e-3) * (a / (1 - b1**t)) / (jnp.sqrt(b / (1 - b2**t)) + np.float32(1e-8))
        return jax.tree.map(move, m, first, second), first, second, t

    zeros = jax.tree.map(jnp.zeros_like, model)
    trained = {"state": (model, zeros, zeros, jnp.float32(0))}

    def transformer(n):
        for _ in range(n):
            trained["state"] = adam(trained["state"])
        jax.block_until_ready(trained["state"])

    return {
        "mlp": (descend("one", one, x, y), 300),
        "replicas": (descend("many", many, xs, ys), 30),
        "transformer": (transformer, 10),
        "kernels": (kernels, 1),
        "langevin": (langevin, 400),
    }


def numpy_works(_threads):
    import numpy as np

    rng = np.random.default_rng(1)
    x, z, y = rng.standard_normal((4000, 100)), rng.standard_normal((4000, 100)), rng.standard_normal(4000)

    def kernel(a, b):
        n, m = (a * a).sum(1) * 0.02 + 0.1, (b * b).sum(1) * 0.02 + 0.1
        norm = np.sqrt(np.outer(n, m))
        c = np.clip((0.02 * a @ b.T + 0.1) / norm, -1, 1)
        return norm * (np.sqrt(1 - c * c) + c * (np.pi - np.arccos(c))) / np.pi + 0.1

    def ridge(n):
        for _ in range(n):
            l = np.linalg.cholesky(kernel(x, x) + 0.1 * np.eye(4000))
            try:
                from scipy.linalg import cho_solve

                alpha = cho_solve((l, True), y)
            except ImportError:
                alpha = np.linalg.solve(l.T, np.linalg.solve(l, y))
            kernel(x, z).T @ alpha

    data, target = rng.standard_normal((16, 8)), rng.standard_normal(16)

    def langevin(n):
        w, a = rng.standard_normal((64, 22, 8)), rng.standard_normal((64, 22))
        xi, zeta = rng.standard_normal(w.shape), rng.standard_normal(a.shape)
        for _ in range(n):
            phi = np.tanh(w @ data.T / math.sqrt(8))
            error = ((a[:, None, :] @ phi)[:, 0] / math.sqrt(22) - target) / 0.1
            ga = (phi @ error[:, :, None])[:, :, 0] / math.sqrt(22) + a
            delta = (1 - phi * phi) * a[:, :, None] * error[:, None, :] / math.sqrt(22)
            gw = delta @ data / math.sqrt(8) + w
            xi2, zeta2 = rng.standard_normal(w.shape), rng.standard_normal(a.shape)
            w, a = w - 1e-3 * gw + math.sqrt(5e-4) * (xi + xi2), a - 1e-3 * ga + math.sqrt(5e-4) * (zeta + zeta2)
            xi, zeta = xi2, zeta2

    # Deep linear DMFT: one causal sweep over square matrices of all times and samples, as the equations stand.
    depth, samples, inputs, times, richness, rate = 5, 20, 40, 101, 1.5, 0.025 / 20
    i, a = np.arange(inputs)[:, None], np.arange(samples)[None, :]
    points = np.sin(1.0 + 3.0 * (a + 1) * (i + 1) + i * i)
    inner, labels = points.T @ points / inputs, np.where(np.arange(samples) % 2 == 0, 1.0, -1.0)

    def dmft(n):
        for _ in range(n):
            squared, all_ = richness**2, times * samples
            zeros = lambda *shape: [np.zeros(shape) for _ in range(depth + 1)]
            H, X, A, C = zeros(all_, all_), zeros(all_, all_), zeros(all_, times), zeros(all_, times)
            Z, W, G = zeros(times, all_), zeros(times, times), zeros(times, times) + [np.ones((times, times))]
            H[0] = np.tile(inner, (times, times))
            f, error = np.zeros((times, samples)), np.zeros((times, samples))
            for t in range(times):
                past, here, upto = t * samples, slice(t * samples, (t + 1) * samples), (t + 1) * samples
                drive = lambda rows: (rows[:, :past].reshape(len(rows), t, samples) * error[:t]).sum(-1)
                for l in range(1, depth + 1):
                    C[l][here, :t] = A[l - 1][here, :t] + rate * drive(H[l - 1][here])
                    X[l][here, :past] = squared * C[l][here, :t] @ Z[l][:t, :past]
                    X[l][here, here] = np.eye(samples)
                    A[l][here, :t] = C[l][here, :t] @ W[l][:t, :t]
                    row = X[l][here, :upto] @ H[l - 1][:upto, :upto] @ X[l][:upto, :upto].T
                    row += squared * A[l][here, :t] @ G[l + 1][:t, :t] @ A[l][:upto, :t].T
                    H[l][here, :upto], H[l][:upto, here] = row, row.T
                f[t] = A[depth][here, :t].sum(1) + rate * drive(H[depth][here]).sum(1)
                error[t] = labels - f[t]
                for l in range(depth, 0, -1):
                    above = Z[l + 1][t, :past] if l < depth else 0.0
                    D = above + rate * (G[l + 1][t, :t, None] * error[:t]).ravel()
                    Z[l][t, :past] = D @ X[l][:past, :past]
                    W[l][t, :t], W[l][t, t] = squared * D @ A[l][:past, :t], 1.0
                    row = W[l][t, : t + 1] @ G[l + 1][: t + 1, : t + 1] @ W[l][: t + 1, : t + 1].T
                    row += squared * Z[l][t, :past] @ H[l - 1][:past, :past] @ Z[l][: t + 1, :past].T
                    G[l][t, : t + 1], G[l][: t + 1, t] = row, row
            last = H[depth][-samples:, -samples:]
        return float((f * np.cos(np.arange(times)[:, None] + np.arange(samples)[None, :])).sum() + last.sum() / samples**2)

    return {"ridge": (ridge, 1), "langevin": (langevin, 200), "dmft": (dmft, 1)}


def measure(threads, rounds, only, profile):
    """Medians of all contenders under this number of threads; runs in a process of its own."""
    os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:threads]))
    for key in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ[key] = str(threads)
    ours, peers = Ours(profile), {}
    for name, make in (("torch", torch_works), ("jax", jax_works), ("numpy", numpy_works)):
        try:
            peers[name] = make(threads)
        except ImportError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    found = {}
    for work in only or TITLES:
        contenders = {"ours": lambda: ours.time(work)}
        for name, works in peers.items():
            if work in works:
                call, units = works[work]
                value = call(max(1, units // 10))  # compilation and caches
                if work in AGREEMENT:
                    distance = abs(value - ours.time(work + "-value"))
                    print(f"{work}: {name} is {distance:.1e} away", file=sys.stderr)
                    assert distance <= AGREEMENT[work], f"{work}: {name} finds another number, {distance:.1e} away"
                contenders[name] = lambda call=call, units=units: per_unit(call, units)
        times = {name: [] for name in contenders}
        for _ in range(rounds):
            for name, contender in contenders.items():
                times[name].append(contender())
        found[work] = {name: statistics.median(t) for name, t in times.items()}
        print(work, threads, {k: f"{v:.3e}" for k, v in found[work].items()}, file=sys.stderr)
    found["product"] = {"ours": statistics.median(ours.time("product") for _ in range(rounds))}
    return found


def cpu():
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines() if os.path.exists("/proc/cpuinfo") else []
    return next((l.split(":")[1].strip() for l in lines if l.startswith("model name")), "unknown CPU")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--profile", default="bench", help="cargo profile of our side; loop builds faster and runs somewhat slower")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    only = [w for w in options.only.split(",") if w]
    if options.child:
        print(json.dumps(measure(options.child, options.rounds, only, options.profile)))
        return
    print(f"{datetime.date.today()}, {cpu()}, medians of {options.rounds} interleaved rounds\n")
    print("| work | threads | ours | peer | peer's time | ratio | target |")
    print("|---|---|---|---|---|---|---|")
    for threads in map(int, options.threads.split(",")):
        arguments = [sys.executable, __file__, "--child", str(threads), "--rounds", str(options.rounds), "--only", options.only,
                     "--profile", options.profile]
        found = json.loads(subprocess.run(arguments, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])
        peak = 2 * 1024**3 / found.pop("product")["ours"] / 1e9
        ours = {work: times["ours"] for work, times in found.items()}
        for work, times in found.items():
            mine = times.pop("ours")
            for peer, other in times.items():
                target = TARGETS.get(work, {}).get(peer)
                print(f"| {TITLES[work]} | {threads} | {mine:.3g} s | {peer} | {other:.3g} s | {other / mine:.2f} | {target or ''} |")
        print(f"\nPeak of our matrix product, f32, one thread of {threads}: {peak:.0f} GFLOP/s")
        for work, (operations, parallel) in OPERATIONS.items():
            if work in ours:
                rate, workers = operations / ours[work] / 1e9, threads if parallel else 1
                print(f"{TITLES[work]}: {rate:.0f} GFLOP/s, {rate / peak / workers:.0%} of the peak of {workers} thread(s)")
        print()


if __name__ == "__main__":
    main()
