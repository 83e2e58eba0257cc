"""Entry points of the command line: `python -m gillespie_nn`, the command `gillespie-nn`, and the scripts.

The command line takes a second to import. It is imported after `end_at_once`, so that Ctrl-C ends the process cleanly
during that second."""

import sys

from . import interrupts


def run(*argv: str) -> None:
    """Entry point of the installed command: the command line `argv`, or that of the process."""
    interrupts.end_at_once()
    # Imported only now: it takes a second, in which Ctrl-C must already work.
    from .cli import run as run_command_line

    run_command_line(argv or None)


def run_script(command: str) -> None:
    """Entry point of `scripts/<command>.py`: the subcommand of that name."""
    run(command, *sys.argv[1:])


if __name__ == "__main__":
    run()
