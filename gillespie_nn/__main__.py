"""`python -m gillespie_nn`, the command `gillespie-nn` and the scripts: the command line, which takes a second to
import, is imported once Ctrl-C has a way to end."""

import sys

from . import interrupts


def run(*argv: str) -> None:
    """Entry point of the installed command: the command line `argv`, or that of the process."""
    interrupts.end_at_once()
    from .cli import run as run_command_line

    run_command_line(argv or None)


def run_script(command: str) -> None:
    """Entry point of `scripts/<command>.py`: the subcommand of that name."""
    run(command, *sys.argv[1:])


if __name__ == "__main__":
    run()
