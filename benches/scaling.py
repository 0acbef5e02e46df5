#!/usr/bin/env python3
"""How the cost grows with the size of a model, in tables: no cliff should be in them.

    python3 benches/scaling.py [derive] [batch] [depth] [start] [--threads N] [--rounds N] [--seconds S] [--other PROGRAM]

`derive`: the time of `deltarule derive` (every parameter, checked and printed) and of all that `bench` does before
the first step, for networks of more and more dense layers. `batch`: the time of a step for batches of 1 to 1024.
`depth`: the time of a step for 1 to 100 dense layers. `start`: the time from a file to a plan with its memory, and
to the end of the first step with the data for it, in new processes: least and median of the rounds, and the same for
another build of ours, in alternation. Without a word all four. What else is told is the least of the rounds; `!` marks
a row in which an example, or a layer, costs a fifth more than in the row before.
Ours is `target/release/deltarule`, built before.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "target/release/deltarule"
BATCHES = [2**power for power in range(11)]
MODELS = ["bench/mlp_wide.dr", "lenet.dr", "bench/attention.dr"]
STARTED = {"bench/attention.dr": 16, "vgg.dr": 64, "lenet.dr": 64}
DERIVED = [25, 50, 100, 200]
DEPTHS = [1, 2, 5, 10, 20, 50, 100]
DERIVED_WIDTH, STEP_WIDTH, STEP_BATCH = 16, 128, 32
CLIFF = 1.2


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", metavar="TABLE", help="derive, batch, depth, start")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.3)
    parser.add_argument("--other", type=pathlib.Path, help="another build, for `start`")
    return parser.parse_args()


def layers(count, width):
    """A network of so many dense layers."""
    return f"""size width = {width}
input x[width]
target y[10] onehot
a0[i] = x[i]
for l in 1..{count}:
    param W{{l}}[width, width] ~ he
    param b{{l}}[width] ~ zeros
    z{{l}}[i] = W{{l}}[i,j] a{{l-1}}[j] + b{{l}}[i]
    a{{l}}[i] = relu(z{{l}}[i])
param V[10, width] ~ glorot
q[i] = V[i,j] a{count}[j]
p[i] = softmax[i](q[i])
loss = crossentropy[i](p[i], y[i])
"""


def bench(model, batch, options, steps=1, program=PROGRAM):
    command = [program, "bench", model, "--format", "json", "-q", "--batch", str(batch), "--steps", str(steps)]
    command += ["--threads", str(options.threads), "--rate", "0.0001"]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def step(model, batch, options):
    """The least time of a step over some rounds, in seconds."""
    once = bench(model, batch, options)["least_step_us"] / 1e6
    steps = max(1, round(options.seconds / once))
    return min(bench(model, batch, options, steps)["least_step_us"] for _ in range(options.rounds)) / 1e6


def derive(options, folder):
    print(f"dense layers, {DERIVED_WIDTH} wide\n")
    print("| layers | derive | a layer | compiling for a step | a layer |\n| --- | --- | --- | --- | --- |")
    for count in DERIVED:
        model = folder / f"derive{count}.dr"
        model.write_text(layers(count, DERIVED_WIDTH))
        derived, compiled = [], []
        for _ in range(options.rounds):
            start = time.perf_counter()
            subprocess.run([PROGRAM, "derive", model], stdout=subprocess.DEVNULL, check=True)
            derived.append(time.perf_counter() - start)
            compiled.append(bench(model, STEP_BATCH, options)["compile_ms"])
        derived, compiled = min(derived), min(compiled)
        print(f"| {count} | {derived:.2f} s | {1e3 * derived / count:.1f} ms ", end="")
        print(f"| {compiled:.0f} ms | {compiled / count:.2f} ms |", flush=True)


def unit(seconds):
    return f"{seconds * 1e6:.1f} us" if seconds < 1e-3 else f"{seconds * 1e3:.2f} ms"


def rows(kind, sizes, time_of):
    """A table of times, with the cost of one and a mark where that rises."""
    print(f"| {kind} | step | for one | |\n| --- | --- | --- | --- |")
    before = float("inf")
    for size in sizes:
        seconds = time_of(size)
        mark = "!" if seconds / size > CLIFF * before else ""
        before = seconds / size
        print(f"| {size} | {unit(seconds)} | {unit(before)} | {mark} |", flush=True)
    print()


def batch(options, _):
    for model in MODELS:
        print(f"{model}\n")
        rows("batch", BATCHES, lambda size: step(ROOT / "models" / model, size, options))


def depth(options, folder):
    print(f"dense layers, {STEP_WIDTH} wide, batch {STEP_BATCH}\n")

    def of(count):
        model = folder / f"depth{count}.dr"
        model.write_text(layers(count, STEP_WIDTH))
        return step(model, STEP_BATCH, options)

    rows("layers", DEPTHS, of)


def start(options, _):
    programs = [PROGRAM] + ([options.other] if options.other else [])
    print("| model | program | to a plan with memory: least, median | to the end of the first step |")
    print("| --- | --- | --- | --- |")
    for model, batch in STARTED.items():
        times = {program: ([], []) for program in programs}
        for _ in range(options.rounds):
            for program, (compiled, done) in times.items():
                found = bench(ROOT / "models" / model, batch, options, program=program)
                compiled.append(found["compile_ms"])
                done.append(found["compile_ms"] + found["phases_ms"]["data"] + found["first_step_ms"])
        for program, both in times.items():
            cells = [f"{min(one):.1f}, {statistics.median(one):.1f} ms" for one in both]
            print(f"| {model} | {program} | {cells[0]} | {cells[1]} |", flush=True)


def main():
    options = arguments()
    tables = {"derive": derive, "batch": batch, "depth": depth, "start": start}
    print(f"{options.threads} threads, the least of {options.rounds} rounds\n")
    with tempfile.TemporaryDirectory() as folder:
        for table in options.tables or tables:
            tables[table](options, pathlib.Path(folder))
            print()


if __name__ == "__main__":
    main()
