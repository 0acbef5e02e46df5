"""Holds `deltarule eval` to NumPy: values and gradients written out by hand.

Run as `python3 eval_numpy.py PROGRAM MODELS_FOLDER SCRATCH_FOLDER`.
"""
import subprocess
import sys
from pathlib import Path

import numpy as np

PROGRAM, MODELS, SCRATCH = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
RANDOM = np.random.default_rng(7)


def evaluate(model, values, engine, compressed=False, **options):
    """Runs the program and loads what it wrote."""
    given, out = SCRATCH / "in.npz", SCRATCH / "out.npz"
    (np.savez_compressed if compressed else np.savez)(given, **values)
    out.unlink(missing_ok=True)
    command = [PROGRAM, "eval", MODELS / model, "--values", given, "--out", out, "--engine", engine]
    for name, value in options.items():
        command += [f"--{name}", value]
    subprocess.run(command, check=True)
    with np.load(out) as loaded:
        return dict(loaded)


def compare(found, expected, engine):
    """Same names, shapes and type; values to the precision of the engine."""
    assert set(found) == set(expected), (sorted(found), sorted(expected))
    kind, tolerance = (np.float64, 1e-11) if engine == "reference" else (np.float32, 2e-5)
    for name, value in expected.items():
        value = np.asarray(value)
        assert found[name].dtype == kind, (name, found[name].dtype)
        assert found[name].shape == value.shape, (name, found[name].shape, value.shape)
        scale = max(np.abs(value).max(initial=0.0), 1e-3)
        error = np.abs(found[name] - value).max(initial=0.0) / scale
        assert error <= tolerance, (engine, name, error)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def digits(engine):
    n = 7
    labels = RANDOM.integers(0, 10, n)
    v = {
        "x": RANDOM.random((n, 64)).astype(np.float32),
        "y": np.eye(10, dtype=np.int64)[labels],
        "W1": np.asfortranarray(RANDOM.normal(0, 0.2, (32, 64))),
        "b1": RANDOM.normal(0, 0.2, 32),
        "W2": RANDOM.normal(0, 0.2, (10, 32)),
        "b2": RANDOM.normal(0, 0.2, 10).astype(">f8"),
    }
    x, y = v["x"].astype(float), v["y"].astype(float)
    z1 = x @ v["W1"].T + v["b1"]
    a1 = sigmoid(z1)
    z2 = a1 @ v["W2"].T + v["b2"]
    p = softmax(z2)
    d2 = p - y
    d1 = (d2 @ v["W2"]) * a1 * (1 - a1)
    expected = {
        "loss": -np.log(p[np.arange(n), labels]).mean(),
        "z1": z1,
        "p": p,
        "accuracy": (p.argmax(1) == labels).astype(float),
        "grad_W1": d1.T @ x / n,
        "grad_b1": d1.mean(0),
        "grad_W2": d2.T @ a1 / n,
        "grad_x": d1 @ v["W1"] / n,
        "grad_z2": d2 / n,
        "jacobian_p_z2": np.diag(p[0]) - np.outer(p[0], p[0]),
        "jacobian_z2_W2": np.einsum("im,k->imk", np.eye(10), a1[0]),
        "jacobian_z2_x": v["W2"] @ np.diag(a1[0] * (1 - a1[0])) @ v["W1"],
    }
    found = evaluate(
        "digits.dr", v, engine, outputs="z1,p,accuracy", grad="W1,b1,W2,x,z2", jacobian="p:z2,z2:W2,z2:x"
    )
    compare(found, expected, engine)


def article(engine):
    v = {
        "x": np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=np.int32),
        "y": np.array([[0], [1], [1], [0]], dtype=np.uint8),
        "W1": RANDOM.uniform(-1, 1, (4, 3)),
        "W2": RANDOM.uniform(-1, 1, (1, 4)),
    }
    a1 = sigmoid(v["x"] @ v["W1"].T)
    a2 = sigmoid(a1 @ v["W2"].T)
    d2 = (a2 - v["y"]) * a2 * (1 - a2)
    d1 = (d2 @ v["W2"]) * a1 * (1 - a1)
    expected = {
        "loss": 0.5 * ((v["y"] - a2) ** 2).sum(1).mean(),
        "a2": a2,
        "grad_W1": d1.T @ v["x"] / 4,
        "grad_W2": d2.T @ a1 / 4,
    }
    compare(evaluate("article-mse.dr", v, engine, compressed=True, outputs="a2", grad="W1,W2"), expected, engine)
    # Another scalar than the loss.
    sign = np.sign(a2 - v["y"])
    expected = {"loss": expected["loss"], "grad_W2": (sign * a2 * (1 - a2)).T @ a1 / 4}
    compare(evaluate("article-mse.dr", v, engine, of="error", grad="W2"), expected, engine)


def factorisation(engine):
    v = {"M": RANDOM.normal(size=(12, 9)), "U": RANDOM.normal(size=(12, 3)), "V": RANDOM.normal(size=(9, 3))}
    r = v["U"] @ v["V"].T - v["M"]
    expected = {
        "loss": 0.5 * (r**2).sum() + 0.01 * ((v["U"] ** 2).sum() + (v["V"] ** 2).sum()),
        "R": r,
        "grad_U": r @ v["V"] + 0.02 * v["U"],
        "grad_V": r.T @ v["U"] + 0.02 * v["V"],
    }
    compare(evaluate("factorisation.dr", v, engine, outputs="R", grad="U,V"), expected, engine)


def attention(engine):
    n, labels = 5, RANDOM.integers(0, 3, 5)
    v = {"x": RANDOM.normal(size=(n, 6, 8)), "y": np.eye(3)[labels], "b": RANDOM.normal(size=3)}
    for name, shape in {"WQ": (4, 8), "WK": (4, 8), "WV": (4, 8), "WO": (3, 4)}.items():
        v[name] = RANDOM.normal(0, 0.5, shape)
    q, k, w = (v["x"] @ v[name].T for name in ("WQ", "WK", "WV"))
    s = q @ k.transpose(0, 2, 1) / 2
    p = softmax(s)
    o = p @ w
    mean = o.mean(1)
    z = mean @ v["WO"].T + v["b"]
    dz = (softmax(z) - v["y"]) / n
    do = np.repeat((dz @ v["WO"])[:, None, :] / 6, 6, axis=1)
    dp = do @ w.transpose(0, 2, 1)
    ds = p * (dp - (dp * p).sum(-1, keepdims=True))
    expected = {
        "loss": -np.log(softmax(z)[np.arange(n), labels]).mean(),
        "P": p,
        "grad_WO": dz.T @ mean,
        "grad_b": dz.sum(0),
        "grad_S": ds,
        "grad_V": p.transpose(0, 2, 1) @ do,
        "grad_WQ": np.einsum("bqd,bqm->dm", ds @ k / 2, v["x"]),
        "grad_WK": np.einsum("bkd,bkm->dm", ds.transpose(0, 2, 1) @ q / 2, v["x"]),
        "grad_WV": np.einsum("bkd,bkm->dm", p.transpose(0, 2, 1) @ do, v["x"]),
    }
    found = evaluate("attention.dr", v, engine, outputs="P", grad="WO,b,S,V,WQ,WK,WV")
    compare(found, expected, engine)


for engine in ("reference", "fast"):
    for model in (digits, article, factorisation, attention):
        model(engine)
print("all agree")
