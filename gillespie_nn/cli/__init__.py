"""The `gillespie-nn` command: each subcommand has a file; exit codes and error messages are handled here.

To add a subcommand, write a module with `add(subparsers)` and `run(arguments)`, and add it to `COMMANDS` in `common`.
If the work can be continued after Ctrl-C, also write `interrupted(arguments)`, which returns a message that says how.
"""

import argparse
import importlib
import os
import sys
import traceback
import warnings
from collections.abc import Iterable, Sequence
from typing import Any

from .. import interrupts
from .._version import __version__
from ..checks import GillespieError, printable
from .common import COMMANDS, Cite, Parser

INTERRUPTED = interrupts.EXIT_CODE
INTERNAL = 3
_EPILOG = """examples:
  gillespie-nn train xor --seed 0 --output runs/xor.h5
  gillespie-nn analyze runs/xor.h5 --figure runs/xor.png
  gillespie-nn train --help

exit codes:
  0    success
  1    a check failed
  2    wrong usage or bad input
  3    the work could not be finished
  130  interrupted with Ctrl-C"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` and return the exit code.

    0: success. 1: a check failed. 2: wrong usage or bad input. 3: the work could not be finished. 130: interrupted with
    Ctrl-C. Bad input gives a message without a traceback; `GILLESPIE_NN_DEBUG=1` shows the traceback.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    arguments = make_parser(words).parse_args(words)
    try:
        with interrupts.raised(), warnings.catch_warnings():
            # One line like an error, without file and line number.
            warnings.showwarning = _warn
            return arguments.run(arguments) or 0
    except KeyboardInterrupt:
        return _say(arguments.interrupted(arguments), INTERRUPTED)
    except BrokenPipeError:
        # Python flushes stdout at its exit, which would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return INTERNAL
    except GillespieError as error:
        if os.environ.get("GILLESPIE_NN_DEBUG"):
            raise
        return _say(str(error), error.exit_code)
    except MemoryError as error:
        return _say(f"not enough memory: {error}; record fewer points or run fewer replicates", INTERNAL)
    except Exception:
        traceback.print_exc()
        return _say("internal error: please report it with the lines above", INTERNAL)


def make_parser(words: Iterable[str] = COMMANDS) -> argparse.ArgumentParser:
    """Make the parser for the command line `words`, by default for any command line. Subcommands that are not among the
    words have a summary but no arguments, and their modules are not imported."""
    parser = Parser(
        prog="gillespie-nn",
        description="Simulate chemical reaction networks, and train neural networks made of reactions.",
        epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"gillespie-nn {__version__}")
    parser.add_argument(
        "--cite", action=Cite, nargs=0, help="print what to cite and the references of all methods, and exit"
    )
    subparsers = parser.add_subparsers(required=True, metavar="command")
    used = set(words)
    for name, (module, summary) in COMMANDS.items():
        if name not in used:
            subparsers.add_parser(name, help=summary)
            continue
        command = importlib.import_module(f".{module}", __name__)
        functions = {"run": command.run, "interrupted": getattr(command, "interrupted", _kept), "whole": make_parser}
        command.add(subparsers).set_defaults(**functions)
    return parser


def run(argv: Sequence[str] | None = None) -> None:
    """Run `main` and exit the process with its exit code."""
    sys.exit(main(argv))


def _kept(arguments: argparse.Namespace) -> str:
    return "interrupted; data already committed to the output remain readable"


def _warn(message: Warning | str, *_: Any, **__: Any) -> None:
    print(f"gillespie-nn: warning: {printable(str(message))}", file=sys.stderr)


def _say(message: str, code: int) -> int:
    print(f"gillespie-nn: {printable(message)}", file=sys.stderr)
    return code
