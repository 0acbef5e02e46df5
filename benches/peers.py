#!/usr/bin/env python3
"""Training steps beside those of other systems, in alternation, and the ratios of their times.

    python3 benches/peers.py PEERS [--threads N] [--rounds N] [--seconds S] [WORKLOAD ...]

PEERS is a folder with `workloads.py` (shapes, data and first weights of every workload) and a module
`peer_NAME.py` for each system, with `VARIANTS`, `supports(workload, variant)` and `Bench(workload, variant,
threads)`, which has `compile()` and `run(first, count)`. Systems that are not installed are left out. Ours is
`target/release/deltarule`, built before.

In every round each system runs for some tenths of a second, one after the other and after a rest in which the
threads of the one before fall asleep, so that all see the same machine; what is told is the median over the rounds,
and the median of the ratios within a round. The memory is the most that a process of its own has had after some
steps, with two batches of data.
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
STEPS_ALONE = 10
# Seconds after which the threads of a system that has nothing to do no longer wait for work.
REST = 0.4
SYSTEMS = {"numpy": ["numpy"], "jax": ["jax_scan", "jax"], "torch": ["torch", "torch_cl"]}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peers", type=pathlib.Path)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.4)
    parser.add_argument("--alone", metavar="SYSTEM", help="only tell the memory of some steps of one workload in it")
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
        return self.run(count)["step_us"] / 1e6

    def memory(self):
        return self.run(STEPS_ALONE)["peak_bytes"]

    def run(self, count):
        done = subprocess.run([*self.command, "--steps", str(count)], capture_output=True, text=True, check=True)
        return json.loads(done.stdout)


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


def run_alone(workload, variant, threads):
    """Runs some steps in this process, and prints the most memory that it has had."""
    module = next(name for name, variants in SYSTEMS.items() if variant in variants)
    peer = Peer(importlib.import_module("peer_" + module), workload, variant, threads)
    peer.run(STEPS_ALONE)
    print(peak_memory())


def peak_memory():
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None


def memory_alone(options, workload, variant):
    """The most memory that a process has had which runs some steps and nothing else."""
    command = [sys.executable, __file__, options.peers, workload, "--alone", variant, "--threads", str(options.threads)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(done.stdout.split()[-1])


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
    if options.alone:
        for workload in options.workloads:
            workloads.W[workload]["pool"] = 2
            run_alone(workload, options.alone, options.threads)
        return
    print(f"{options.threads} threads, medians of {options.rounds} rounds\n")
    print("| workload | ours | other | its time | ours / its | memory | its memory | ours / its |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for workload in options.workloads or MODELS:
        batch = workloads.W[workload]["batch"]
        runners = {"ours": Ours(workload, batch, options.threads), **peers(workload, options.threads)}
        counts = {name: steps(runner, options.seconds) for name, runner in runners.items()}
        times = {name: [] for name in runners}
        for _ in range(options.rounds):
            for name, runner in runners.items():
                time.sleep(REST)
                times[name].append(runner.seconds(counts[name]))
        ours = times.pop("ours")
        memory = runners["ours"].memory()
        median = statistics.median
        for name, its in times.items():
            ratio = median(own / other for own, other in zip(ours, its))
            other = memory_alone(options, workload, name)
            print(f"| {workload} | {unit(median(ours))} | {name} | {unit(median(its))} | {ratio:.2f} ", end="")
            print(f"| {memory / 1e6:.0f} MB | {other / 1e6:.0f} MB | {memory / other:.2f} |", flush=True)
        if not times:
            print(f"| {workload} | {unit(median(ours))} | | | | {memory / 1e6:.0f} MB | | |", flush=True)


if __name__ == "__main__":
    main()
