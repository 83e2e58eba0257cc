"""`gillespie-nn warm`: after it, no run compiles; a second one does nothing; and imports load what they need alone."""

import json
import os
import subprocess
import sys

import pytest

from gillespie_nn.api import warm as module
from gillespie_nn.api.warm import EXAMPLES, warm
from gillespie_nn.checks import InputError
from gillespie_nn.simulation import METHODS

_HEAVY = (
    "scipy.sparse",
    "scipy.stats",
    "scipy.special",
    "scipy.integrate",
    "h5py",
    "matplotlib",
    "pandas",
    "rich",
    "dask",
)


def _run(*words, **environment):
    return subprocess.run(
        [sys.executable, *words], env=os.environ | environment, capture_output=True, text=True, check=True
    )  # fmt: skip


def _warm(cache, *flags):
    done = _run("-m", "gillespie_nn", "warm", *flags, "--json", GILLESPIE_NN_CACHE=str(cache))
    return json.loads(done.stdout.splitlines()[-1]), done


_FIRST_CALL = """
import gillespie_nn as gnn
net = gnn.ReactionNetwork.from_text("0 -> C @ propensity(20 / (1 + (A / 5)^2))\\nA -> B @ 1\\nB -> A @ 1\\nA = 9")
gnn.simulate(net, t_end=1, method="{}", seed=1{})
"""


def test_what_a_first_call_compiles_is_reported_and_after_warming_nothing_is(tmp_path):
    """Of `direct` alone, which compiles fastest."""
    call = _FIRST_CALL.format("direct", "")
    done = _run("-c", call, GILLESPIE_NN_CACHE=str(tmp_path))
    assert done.stdout == "" and len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("gillespie-nn: compiled the kernels of direct for this machine in ")
    n_before = len(list(tmp_path.rglob("*.nbc")))
    first, done = _warm(tmp_path, "--method", "direct", "--workers", "1")
    files = list(tmp_path.rglob("*.nbc"))
    assert list(first["methods"]) == ["direct"] and first["methods"]["direct"] > 0
    assert first["compiled"] == first["kernels"] - n_before == len(files) - n_before > 0
    assert first["bytes"] == sum(path.stat().st_size for path in files)
    second, done = _warm(tmp_path, "--method", "direct")
    assert second["methods"] == {"direct": 0} and second["compiled"] == 0 and second["kernels"] == first["kernels"]
    assert "all kernels are already compiled" in done.stdout and "compiled the kernels" not in done.stderr
    assert _run("-c", call, GILLESPIE_NN_CACHE=str(tmp_path)).stderr == ""


def test_every_method_has_runs_of_each_kind_that_it_takes():
    refused = {
        method.name: [name for name, example in EXAMPLES.items() if not list(module._simulations(method, example))]
        for method in METHODS
    }
    exact = ["implicit solver", "implicit leaps", "fixed leaps", "fixed steps"]
    sums = ["firings", "moments", "quantiles"]
    real = ["event", "rate rules", *sums]
    assert refused == {
        **dict.fromkeys(("direct", "optimized_direct", "rejection"), exact),
        **dict.fromkeys(("next_reaction", "layered", "adaptive", "adaptive_direct"), [*exact, "rate rules"]),
        "tau_leap": ["implicit solver", "fixed steps", "law of time", "rate rules"],
        "langevin": ["implicit solver", "implicit leaps", "fixed leaps", "rate rules", "firings"],
        "linear_noise": ["implicit leaps", "fixed leaps", "fixed steps", *real],
        "ode": ["implicit leaps", "fixed leaps", "fixed steps", *sums],
        "implicit_euler": [
            "implicit solver",
            "implicit leaps",
            "fixed leaps",
            "fixed steps",
            "general laws",
            "law of time",
            *real,
        ],
    }


@pytest.mark.parametrize("name", ["adaptive", "adaptive_direct"])
def test_a_method_that_hands_over_is_compiled_with_those_that_take_over(name):
    assert [warmed.name for warmed in warm([name], 1, False)] == [name]
    assert set(next(m for m in METHODS if m.name == name).hands_over_to) == {
        "optimized_direct", "rejection", "next_reaction"
    }  # fmt: skip


def test_what_cannot_be_compiled_is_refused(monkeypatch):
    with pytest.raises(InputError, match="unknown method 'direkt'.*direct"):
        warm(["direkt"], 1)
    with pytest.raises(InputError, match="workers"):
        warm(["direct"], 0)
    monkeypatch.setattr(module.config, "DISABLE_JIT", 1)
    with pytest.raises(InputError, match="NUMBA_DISABLE_JIT is set"):
        warm(["direct"], 1)


@pytest.mark.parametrize("method", ["direct", "next_reaction", "rejection", "layered", "tau_leap"])
def test_a_run_in_memory_loads_no_library_that_it_does_not_need(method):
    """Numba itself loads scipy.linalg with its first kernel. The network has a conservation law."""
    script = _FIRST_CALL.format(method, ", progress=False")
    loaded = _run("-c", f"{script}\nimport sys; print(*(m for m in {_HEAVY} if m in sys.modules))").stdout
    assert loaded.split() == []


@pytest.mark.parametrize(
    "words, unneeded",
    [
        (["--version"], ("numba", "scipy", "h5py", "gillespie_nn.api", "gillespie_nn.cli.simulate_command")),
        (["--help"], ("numba", "scipy", "h5py", "gillespie_nn.api", "gillespie_nn.cli.simulate_command")),
        (
            ["simulate", "--help"],
            ("scipy.sparse", "scipy.stats", "gillespie_nn.verification", "gillespie_nn.cli.bench_command"),
        ),
    ],
)
def test_the_command_line_loads_no_library_that_it_does_not_need(words, unneeded):
    script = f"""
import contextlib, io, sys
from gillespie_nn.cli import main
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()) as said:
    main({words})
assert said.getvalue()
print(*(m for m in {unneeded} if m in sys.modules))
"""
    assert _run("-c", script).stdout.split() == []
