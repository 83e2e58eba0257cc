"""Writes docs/errors.md, the mistakes of `mistakes.py` and the messages that they get: python tests/make_errors.py"""

import os
import tempfile
from pathlib import Path

from helpers.mistakes import MISTAKES
from helpers.mistakes_made import PROGRAM, outcome, prepare

_HEAD = """# Messages

What a mistake is answered with. A command ends with the exit code in front of the message, on stderr, after
`gillespie-nn:`; Python raises the exception named. `net` is the network of `model.txt`, `x` and `t` are inputs and
targets of XOR. Written by `tests/make_errors.py` from what happens, and held to it by the tests.
"""


def page() -> str:
    """The page, from the mistakes made in the present folder, where `prepare` was."""
    parts = [_HEAD]
    for section, mistakes in MISTAKES.items():
        parts.append(f"## {section}\n")
        for mistake in mistakes:
            if not mistake.quotes:
                end, message = outcome(mistake)
                shown = f"exit code {end}" if mistake.did.startswith(PROGRAM) else f"`{end.__name__}`"
                away = f" (without {mistake.without})" if mistake.without else ""
                parts.append(f"`{mistake.did}`{away}\n\n> {shown}: {message}\n".replace("\n\n> ", "  \n> "))
    return "\n".join(parts)


if __name__ == "__main__":
    path = Path(__file__).resolve().parent.parent / "docs" / "errors.md"
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        prepare()
        path.write_text(page())
        os.chdir(path.parent)
