"""Processes that run a piece of Python, with the helpers at hand."""

import os
import subprocess
import sys

from helpers.paths import ROOT, TESTS


def child(code, *arguments):
    return subprocess.run(**_command(code, *arguments), capture_output=True, timeout=300)


def started(code, *arguments):
    """A process in progress, whose output can be read."""
    return subprocess.Popen(**_command(code, *arguments), stdout=subprocess.PIPE)


def _command(code, *arguments):
    path = os.pathsep.join([str(TESTS), str(ROOT), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return {"args": command, "env": os.environ | {"PYTHONPATH": path}, "text": True}
