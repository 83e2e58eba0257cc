"""Where things of the checkout are."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = {"gillespie_nn": ROOT / "gillespie_nn", "kernels": ROOT / "kernels", "data": ROOT / "data"}
DOCS = ROOT / "docs"
TESTS = ROOT / "tests"
