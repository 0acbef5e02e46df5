#!/usr/bin/env python3
"""Training steps beside those of other systems, in alternation, and the ratios of their times.

    python3 benches/peers.py PEERS [--threads N] [--rounds N] [--seconds S] [WORKLOAD ...]

PEERS is a folder with `workloads.py` (shapes, data and first weights of every workload) and a module
`peer_NAME.py` for each system, with `VARIANTS`, `supports(workload, variant)` and `Bench(workload, variant,
threads)`, which has `compile()` and `run(first, count)`. Systems that are not installed are left out. Ours is
`target/release/deltarule`, built before.

In every round each system runs for some tenths of a second, one after the other, so that all see the same
machine; what is told is the median over the rounds, and the median of the ratios within a round.
"""
import argparse
import importlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODELS = {
    "mlp_nielsen": "bench/mlp_nielsen.dr",
    "mlp_digits": "bench/mlp_digits.dr",
    "mlp_wide": "bench/mlp_wide.dr",
    "mlp_huge": "bench/mlp_huge.dr",
    "lenet": "lenet.dr",
    "cnn_vgg_small": "vgg.dr",
    "attention": "bench/attention.dr",
    "logreg_hessian_500": "bench/logreg_hessian.dr",
}
SYSTEMS = {"numpy": ["numpy"], "jax": ["jax_scan"], "torch": ["torch", "torch_channels_last"]}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peers", type=pathlib.Path)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.4)
    return parser.parse_intermixed_args()


class Ours:
    """Steps of the program, in a process for each run."""

    def __init__(self, workload, batch, threads):
        model = ROOT / "models" / MODELS[workload]
        self.command = [ROOT / "target/release/deltarule", "bench", model, "--format", "json", "-q"]
        self.command += ["--batch", str(batch), "--threads", str(threads)]
        if workload.startswith("logreg_hessian"):
            self.command += ["--outputs", "H"]

    def seconds(self, count):
        done = subprocess.run([*self.command, "--steps", str(count)], capture_output=True, text=True, check=True)
        return json.loads(done.stdout)["step_us"] / 1e6


class Peer:
    """Steps of another system, in this process."""

    def __init__(self, module, workload, variant, threads):
        self.bench = module.Bench(workload, variant, threads)
        self.bench.compile()
        self.done = 0

    def seconds(self, count):
        self.run(count)  # what is compiled for this number of steps
        start = time.perf_counter()
        self.run(count)
        return (time.perf_counter() - start) / count

    def run(self, count):
        last = self.bench.run(self.done, count)
        self.bench.value(last)
        self.done += count


def peers(workload, threads):
    found = {}
    for system, variants in SYSTEMS.items():
        try:
            module = importlib.import_module("peer_" + system)
        except ImportError:
            continue
        for variant in variants:
            if variant in module.VARIANTS and module.supports(workload, variant):
                found[variant] = Peer(module, workload, variant, threads)
    return found


def steps(runner, seconds):
    """How many steps take so long."""
    count = 1
    while (each := runner.seconds(count)) * count < seconds / 4:
        count *= 4
    return max(1, round(seconds / each))


def unit(seconds):
    return f"{seconds * 1e6:.1f} us" if seconds < 1e-3 else f"{seconds * 1e3:.2f} ms"


def main():
    options = arguments()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(options.threads)
    os.environ["JAX_PLATFORMS"] = "cpu"
    sys.path.insert(0, str(options.peers.resolve()))
    workloads = importlib.import_module("workloads")
    print(f"{options.threads} threads, medians of {options.rounds} rounds\n")
    print("| workload | ours | other | its time | ours / its |\n| --- | --- | --- | --- | --- |")
    for workload in options.workloads or MODELS:
        batch = workloads.W[workload]["batch"]
        runners = {"ours": Ours(workload, batch, options.threads), **peers(workload, options.threads)}
        counts = {name: steps(runner, options.seconds) for name, runner in runners.items()}
        times = {name: [] for name in runners}
        for _ in range(options.rounds):
            for name, runner in runners.items():
                times[name].append(runner.seconds(counts[name]))
        ours = times.pop("ours")
        median = statistics.median
        for name, its in times.items() or {"none": [float("nan")]}.items():
            ratio = median(own / other for own, other in zip(ours, its))
            print(f"| {workload} | {unit(median(ours))} | {name} | {unit(median(its))} | {ratio:.2f} |", flush=True)


if __name__ == "__main__":
    main()
