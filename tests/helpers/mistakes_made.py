"""Makes the mistakes of `mistakes.py`, in the present folder."""

import contextlib
import io
import os
import shlex
import sys
from pathlib import Path
from unittest import mock

import gillespie_nn as gnn
from gillespie_nn.cli import main

PROGRAM = "gillespie-nn "
FILES = {
    "model.txt": "bind: 2 A -> B @ 0.01\nsplit: B -> 2 A @ 0.1\nA = 100\n",
    "no-rate.txt": "A -> B\n",
    "named-rate.txt": "A -> B @ k\n",
    "amount-as-rate.txt": "k = 1\n0 -> A @ k\n",
    "nanomolar.txt": "S -> 0 @ 1\nS = 5e-23\n",
    "reversible.txt": "A <-> B @ 1\n",
    "counts-in-rate.txt": "A -> B @ 2 * A\n",
    "one-line.txt": "A -> B @ 1; B -> C @ 2\n",
    "fraction.txt": "A -> 0 @ 1\nA = 1.5\n",
    "twice.txt": "a: A -> 0 @ 1\na: A -> 0 @ 2\n",
    "unknown.txt": "A -> 0 @ propensity(k * A)\nA = 5\n",
    "negative.txt": "A -> 0 @ propensity(A - 10)\nA = 5\n",
    "growing.txt": "@parameter V = 1\n@rate V = 0.02 * V\nA -> 0 @ propensity(A / V)\nA = 5\n",
    "rate-of-count.txt": "A -> 0 @ 1\n@rate A = 1\nA = 5\n",
    "draw-in-law.txt": "A -> 0 @ propensity(binomial(A, 0.5))\nA = 5\n",
    "empty.txt": "",
    "delayed.xml": """<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1"><model><listOfParameters>
<parameter id="k" value="1" constant="false"/></listOfParameters><listOfRules><rateRule variable="k">
<math xmlns="http://www.w3.org/1998/Math/MathML"><apply><csymbol encoding="text"
 definitionURL="http://www.sbml.org/sbml/symbols/delay"> delay </csymbol><ci>k</ci><cn>1</cn></apply></math>
</rateRule></listOfRules></model></sbml>""",
    "broken.xml": '<?xml version="1.0" encoding="UTF-8"?>\n<sbml>',
    "no-amount.ant": "S1 -> S2; k * S1\nk = 1; S1 = 10",
    "broken.ant": "S1 -> S2 @ 1",
    "good-samples.csv": "a,b,kind\n1,2,x\n",
    "counts.csv": "a,n\n1,0\n2,1\n3,5\n",
    "words-in-samples.csv": "a,colour,t\n1,2,0.5\n2,red,1.5\n",
    "large.csv": "a,t\n" + "".join(f"{1000 + k},{k / 10}\n" for k in range(8)),
    "good.csv": "bind\n1\n",
    "words.csv": "bind\nfast\n",
    "ragged.csv": "bind,A\n0.01\n",
    "unknown.csv": "unbind\n1\n",
    "negative.csv": "bind\n-1\n",
    "table.txt": "bind\n1\n",
}
RUNS = (
    "simulate model.txt --t-end 5 --replicates 3 --seed 1 --output run.h5",
    "simulate model.txt --t-end 5 --replicates 4 --seed 1 --record moments --output moments.h5",
    "train xor --presentations 3 --volume 50 --running-time 1 --seed 0 --output xor.h5",
)


def prepare():
    """Make the files that the mistakes are made with."""
    for name, text in FILES.items():
        Path(name).write_text(text)
    for folder in ("folder", "taken"):
        Path(folder).mkdir()
    Path("taken/notes.txt").touch()
    for line in RUNS:
        code, said = _run(line)
        assert code == 0, said


def outcome(mistake):
    """(exit code or type of the exception, message) of a `Mistake`."""
    command = mistake.did.startswith(PROGRAM)
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ, {"GILLESPIE_NN_DATA": "data"}))
        if mistake.without:  # only then: what is imported meanwhile is forgotten afterwards
            stack.enter_context(mock.patch.dict(sys.modules, {mistake.without: None}))
        return _run(mistake.did.removeprefix(PROGRAM)) if command else _evaluate(mistake.did)


def _run(line):
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            code = main(shlex.split(line))
        except SystemExit as end:
            code = end.code
    return code, said.getvalue().strip().removeprefix(PROGRAM.strip() + ": ")


def _evaluate(expression):
    names = {
        "gnn": gnn,
        "net": gnn.ReactionNetwork.from_text(FILES["model.txt"]),
        "x": [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]],
        "t": [[0.0], [1.0], [1.0], [0.0]],
    }
    try:
        eval(expression, names)
    except Exception as error:
        return type(error), str(error)
    return None, ""
