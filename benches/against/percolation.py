"""Percolation sweeps beside a plain C implementation of the same algorithm, interleaved.

    python benches/against/percolation.py path/to/plain_newman_ziff.c [--rounds 5]

The C program is any that takes `L runs` and prints `total X sites/s`; it is compiled with `cc -O3`. Ours records the sum of squares and
the number of clusters beside the largest cluster. Ratio above 1: we are faster. Medians of the rounds, one thread; `two-threads` are
replicas on two threads, and `strip` is one p by rows (Hoshen and Kopelman), beside all p of one lattice in C.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import tempfile

WORK = [
    (64, 5000, ["square-64", "winding-64", "two-threads-64", "strip-32768"]),
    (1024, 20, ["square-1024", "winding-1024", "two-threads-1024"]),
    (4096, 2, ["square-4096"]),
]


def rate(command):
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(re.search(r"total ([0-9.e+]+)", text).group(1))


def program():
    build = ["cargo", "bench", "--bench", "percolation", "--no-run", "--message-format=json"]
    messages = subprocess.run(build, check=True, capture_output=True, text=True).stdout
    built = [json.loads(line) for line in messages.splitlines() if line.startswith("{")]
    return next(each["executable"] for each in built if "bench" in each.get("target", {}).get("kind", []))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("source")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    ours = program()
    with tempfile.TemporaryDirectory() as folder:
        theirs = os.path.join(folder, "plain")
        subprocess.run(["cc", "-O3", "-o", theirs, given.source], check=True)
        print(f"{'work':24}{'C, sites/s':>12}{'ours':>12}{'ratio':>8}")
        for size, runs, names in WORK:
            rates = {name: [] for name in ["C"] + names}
            for _ in range(given.rounds):
                rates["C"].append(rate([theirs, str(size), str(runs)]))
                for name in names:
                    rates[name].append(rate([ours, name]))
            plain = statistics.median(rates["C"])
            for name in names:
                mine = statistics.median(rates[name])
                print(f"{name:24}{plain:12.3g}{mine:12.3g}{mine / plain:8.2f}")


if __name__ == "__main__":
    main()
