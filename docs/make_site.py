"""Make the site of the documentation: `sh scripts/docs.sh`, or `python docs/make_site.py` where the extra `docs` is
installed. Notebooks are executed, unless that was done since the sources changed. Pages are built strictly, and checked
for what they load from the network and for paths of this machine."""

import argparse
import os
import re
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import site_notebooks

ROOT = Path(__file__).resolve().parent.parent
NEEDED = ("mkdocs", "material", "mkdocstrings", "jupytext", "nbclient", "ipykernel")
LOADED = re.compile(
    r"<(?:script|img|iframe|source|video|audio|embed)\b[^>]*?\ssrc=[\"']?((?:https?:)?//[^\"'\s>]+)"
    r"|<link\b(?=[^>]*rel=[\"']?(?:stylesheet|preconnect|preload|icon))[^>]*?\shref=[\"']?((?:https?:)?//[^\"'\s>]+)"
    r"|(?:@import\s+[\"']?|url\([\"']?)((?:https?:)?//[^\"'\s)]+)"
)
"""What a browser loads on its own when it opens a page or reads a style sheet."""


def loaded(text: str) -> list[str]:
    """Addresses in the network that a page or style sheet loads."""
    return [next(filter(None, match)) for match in LOADED.findall(text)]


def paths_of_this_machine(text: str) -> list[str]:
    """Which folders of this machine a page names: the checkout, the environment, the home, files of kernels."""
    home = str(Path.home())
    folders = {str(ROOT), sys.prefix, *([] if home in ("/", "/root") else [home])}
    return [folder for folder in folders if folder in text] + re.findall(r"/\w+/ipykernel_\d+", text)


def problems(site: Path) -> list[str]:
    """What is wrong with the files of a site."""
    listed = []
    for path in sorted(site.rglob("*")):
        if path.suffix in (".html", ".css"):
            text = path.read_text()
            listed += [f"{path.relative_to(site)} loads {address} from the network" for address in loaded(text)]
            listed += [f"{path.relative_to(site)} names {folder}" for folder in paths_of_this_machine(text)]
    return listed


def not_a_site(site: Path) -> str:
    """Why a folder must not be replaced by a site; empty if it is new, empty, or an earlier site."""
    if site.exists() and not site.is_dir():
        return f"{site} is not a folder: name a new one"
    if site.is_dir() and any(site.iterdir()) and not (site / "search" / "search_index.json").is_file():
        return f"the folder {site} contains files that are not those of a site: name a new or empty folder"
    return ""


def make(site: Path, quick: bool = False) -> int:
    """Make the site in a folder; returns an exit code."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        print(f'{", ".join(missing)} not installed: pip install ".[docs]", or run sh scripts/docs.sh', file=sys.stderr)
        return 2
    if refusal := not_a_site(site):
        print(refusal, file=sys.stderr)
        return 2
    start = time.monotonic()
    if not quick and (code := site_notebooks.main()):
        return code
    # Without a line of advertisement, and without what IPython would write into the home.
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--clean", "--site-dir", str(site.resolve())]
    done = subprocess.run(command, cwd=ROOT, env=environment)
    if done.returncode:
        return done.returncode
    for problem in (listed := problems(site)):
        print(problem, file=sys.stderr)
    pages = len(list(site.rglob("*.html")))
    print(f"{pages} pages in {time.monotonic() - start:.0f} s: open {site / 'index.html'}")
    return int(bool(listed))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="execute no notebooks; outputs of earlier runs are shown")
    parser.add_argument("--output", type=Path, default=Path("site"), metavar="FOLDER", help="default: site")
    given = parser.parse_args()
    sys.exit(make(given.output, given.quick))
