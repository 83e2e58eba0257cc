"""The subcommands of `gillespie-nn`: a module of each in this folder, and what it does."""

from typing import NamedTuple


class Command(NamedTuple):
    """A subcommand."""

    module: str
    """Imported when the command is used: the help of the whole command line needs none."""
    summary: str


COMMANDS = {
    "simulate": Command("simulate", "simulate a model"),
    "train": Command("train", "train a neural network made of chemical reactions, by simulating the reactions"),
    "resume": Command(
        "resume",
        "continue a run that was killed or interrupted; the result is the same as without the interruption",
    ),
    "repair": Command(
        "repair",
        "repair a run file whose writer was killed: committed data are copied, and the copy replaces the file",
    ),
    "analyze": Command("analyze", "summarise a run file, analyse it and, with --figure, draw it"),
    "report": Command("report", "write a self-contained HTML report of a run, with figures, tables and provenance"),
    "export": Command(
        "export",
        "write the committed data of a run file as a table (CSV, Parquet) or as arrays (NetCDF)",
    ),
    "certify": Command(
        "certify",
        "compare an approximate method with an exact one on a model; the exit code is 0 if the errors are "
        "within tolerance, 1 if not, and 3 if more replicates are needed to decide",
    ),
    "verify-methods": Command("verify_methods", "test the exact methods against the chemical master equation"),
    "verify-bounds": Command(
        "verify_bounds",
        "test whether noise of size eps changes a network by at most eps Theta: sup |x(t; eps) - x(t)| <= eps Theta",
    ),
    "reproduce": Command(
        "reproduce",
        "run the case studies and write a report with tables, figures and verdicts on the claims",
    ),
    "bench": Command(
        "bench",
        "measure the speed of the exact methods; other programs are included if the extra `bench` is installed",
    ),
    "models": Command(
        "packaged_models",
        "list the models that come with the package, or print one; commands take their names in place of a file",
    ),
    "fetch-data": Command("fetch_data", "download the data files that a case needs and check their SHA-256"),
    "warm": Command("warm", "compile the kernels of all methods now, so that no later run has to wait for it"),
    "completion": Command("completion", "print a completion script for bash, zsh or tcsh"),
}
