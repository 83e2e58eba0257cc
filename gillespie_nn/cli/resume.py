"""Go on with an interrupted training run."""

from ..api import resume
from ..api.resume import has_ended
from ..storage import open_run
from .common import add_json, parser, print_json
from .training_record import print_fit, record, resume_hint


def add(subparsers):
    command = parser(
        subparsers,
        "resume",
        "go on with a training run that was killed or interrupted, to the same content as without interruption",
        ("runs/xor.h5", "runs/mnist.h5 --json"),
    )
    command.add_argument("file", metavar="RUN.h5", help="run file written by train; it is continued in place")
    add_json(command)
    return command


def run(arguments):
    with open_run(arguments.file) as opened:
        ended = has_ended(opened)
    if ended:
        print(f"the run in {arguments.file} has ended: there is nothing to resume")
    fit = resume(arguments.file, progress=True)
    print_fit(fit)
    if arguments.json:
        print_json(record(fit) | {"had_ended": ended})
    return 0


def interrupted(arguments):
    """What to say after Ctrl-C."""
    return resume_hint(arguments.file)
