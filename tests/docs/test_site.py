"""The site: it builds strictly, without what a reader's browser would load from the network, and works in Chromium.

It takes the extra `docs`, which the tests do without: where mkdocs or Chromium is missing, tests are skipped. Links of
the pages are checked by test_docs.py, in any case.
"""

import functools
import http.server
import importlib
import shutil
import subprocess
import sys
import threading

import pytest

from helpers import chromium
from helpers.paths import DOCS, ROOT

pytestmark = pytest.mark.site

HOW = 'the extra docs is not installed: pip install ".[docs]", or sh scripts/docs.sh'
for library in ("mkdocs", "material", "mkdocstrings", "jupytext", "nbclient", "ipykernel"):
    pytest.importorskip(library, reason=HOW)
in_chromium = pytest.mark.skipif(chromium.PROGRAM is None, reason="there is no Chromium")


def build(root, site):
    """The finished process that made the site of a checkout, without executing notebooks."""
    command = [sys.executable, root / "docs" / "make_site.py", "--quick", "--output", site]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    done = build(ROOT, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with chromium.Chromium(tmp_path_factory.mktemp("profile")) as page:
        yield page


@pytest.fixture(scope="module")
def served(site):
    """Address of the site on a server."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=site)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_every_page_of_the_documentation_is_a_page_of_the_site(site):
    sources = [p.relative_to(DOCS) for p in DOCS.rglob("*.md")] + [p.relative_to(DOCS) for p in DOCS.glob("*/*.py")]
    for source in sources:
        assert (site / source.with_suffix(".html")).exists() or (site / source.parent / "index.html").exists(), source
    assert len(sources) > 30
    for name in ("about", "CONTRIBUTING", "CHANGELOG", "data/about", "gillespie_nn/storage/FORMAT"):
        assert (site / "project" / f"{name}.html").exists(), name


def test_the_reference_has_signatures_and_links(site):
    text = (site / "api" / "gillespie_nn.html").read_text()
    assert 'id="gillespie_nn.Fit.predict"' in text and 'href="#gillespie_nn.ReactionNetwork"' in text
    # An option of `simulate`, which only a field of a dataclass declares.
    after = text.partition('id="gillespie_nn.simulate"')[2]
    assert "round_initial" in after.partition("</pre>")[0]
    for library in ("crn", "analysis", "propositions"):
        assert "<dt>" not in (site / "api" / f"{library}.html").read_text()  # parameters are tables


@in_chromium
def test_pages_load_without_errors_and_without_the_network(site, served, page):
    files = sorted(site.rglob("*.html"))
    page.problems.clear()
    page.requests.clear()
    for file in files:
        page.open(f"{served}/{file.relative_to(site).as_posix()}")
        assert page.value("document.querySelector('h1') !== null"), file
    assert len(files) > 40 and page.problems == []
    assert [url for url in page.requests if not url.startswith((served, "data:"))] == []


@in_chromium
def test_no_page_is_wider_than_a_narrow_window(site, served, page):
    """Wide tables and lines of code scroll in themselves."""
    page.call("Emulation.setDeviceMetricsOverride", width=600, height=900, deviceScaleFactor=1, mobile=False)
    wide = []
    for file in sorted(site.rglob("*.html")):
        page.open(f"{served}/{file.relative_to(site).as_posix()}")
        if page.value("document.documentElement.scrollWidth > window.innerWidth"):
            wide.append(file.relative_to(site).as_posix())
    page.call("Emulation.clearDeviceMetricsOverride")
    assert wide == []


_TYPE = """
(() => {
  const box = document.querySelector("input.md-search__input")
  box.focus()
  box.value = "tau_leap"
  box.dispatchEvent(new Event("keyup", {bubbles: true}))
})()
"""


@in_chromium
@pytest.mark.parametrize("place", ["server", "file"])
def test_the_search_finds_a_method(place, site, served, page):
    page.problems.clear()
    page.open(f"{served if place == 'server' else site.as_uri()}/index.html")
    page.value(_TYPE)
    results = page.wait_for(
        "[...document.querySelectorAll('.md-search-result__item h1')].map(h => h.textContent).join('|')"
    )
    assert "Choosing a method" in results.split("|") and page.problems == []


@in_chromium
def test_a_page_that_fails_in_the_browser_is_noticed(tmp_path, page):
    bad = tmp_path / "bad.html"
    bad.write_text('<h1>x</h1><script>console.error("planted"); null.x</script><img src="none.png">')
    page.problems.clear()
    page.open(bad.as_uri())
    page.wait_for("document.readyState === 'complete'")
    assert len(page.problems) == 3 and any("planted" in problem for problem in page.problems)


FAULTS = {
    "a page that is not there": ("page.md", "[x](nothing.md)", "nothing.md"),
    "a heading that is not there": ("page.md", "[x](README.md#nothing)", "#nothing"),
    "a file outside that is not there": ("page.md", "[x](../NOTHING.md)", "NOTHING.md"),
    "a heading of a file outside": ("page.md", "[x](../README.md#nothing)", "#nothing"),
    "a link of a file outside": ("../README.md", "[x](docs/nothing.md)", "nothing.md"),
    "a page that no table names": ("other.md", "# Other", "other.md"),
    "an image from the network": ("page.md", '<img src="https://example.org/x.png">', "https://example.org/x.png"),
    "a path of this machine": ("page.md", "`{root}/x`", "names"),
}


@pytest.fixture
def small(tmp_path):
    """A checkout with two pages and no package."""
    (tmp_path / "docs").mkdir()
    for file in DOCS.glob("*.py"):
        shutil.copy(file, tmp_path / "docs")
    shutil.copytree(DOCS / "assets", tmp_path / "docs" / "assets")
    text = (ROOT / "mkdocs.yml").read_text()
    before, _, after = text.partition("  - mkdocstrings:")
    (tmp_path / "mkdocs.yml").write_text(before + after[after.index("\nmarkdown_extensions") :])
    table = "| you want to | read |\n|---|---|\n| **start** | |\n| read it | [page.md](page.md) |\n"
    (tmp_path / "docs" / "README.md").write_text(
        f"# All\n\nThe [README](../README.md#a-b--c), [`code`](../README.md).\n\n{table}"
    )
    (tmp_path / "docs" / "page.md").write_text(
        "# Page\n\n## Two\n\n## Two\n\n[first](#two), [second](#two-1)\n- an item\n  of two lines\n- `x`\n"
    )
    (tmp_path / "README.md").write_text("# About\n\n## a, b & c\n\n[page](docs/page.md#two-1), [licence](LICENSE)\n")
    (tmp_path / "LICENSE").write_text("Free.\n")
    return tmp_path


def test_links_lead_where_they_do_on_a_code_host(small):
    done = build(small, small / "out")
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'href="project/about.html#a-b--c"' in (small / "out" / "index.html").read_text()
    assert 'href="project/about.html"><code>code</code>' in (small / "out" / "index.html").read_text()
    assert 'id="a-b--c"' in (small / "out" / "project" / "about.html").read_text()
    text = (small / "out" / "page.html").read_text()
    assert 'href="#two_1">second' in text and 'id="two_1"' in text
    assert 'href="../page.html#two_1"' in (small / "out" / "project" / "about.html").read_text()
    assert "<li>an item\n  of two lines</li>\n<li><code>x</code></li>" in text
    assert "Free." in (small / "out" / "project" / "LICENSE.html").read_text()
    assert ">Page</a>" in (small / "out" / "index.html").read_text()  # by its title, not its file


NOTEBOOK = """# %% [markdown]
# # A notebook
# See [page](../page.md).

# %%
import sys, matplotlib.pyplot as plt
print("six is", 2 * 3)
print("progress", file=sys.stderr)
plt.plot([1, 2])
_ = open("new.txt", "x")
"""


def notebooks(root):
    """The finished process that executed the notebooks of a checkout."""
    return subprocess.run([sys.executable, root / "docs" / "site_notebooks.py"], capture_output=True, text=True)


def test_a_notebook_is_executed_once_and_its_output_is_in_the_site(small):
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    (small / "docs" / "notebooks").mkdir()
    file = small / "docs" / "notebooks" / "n.py"
    file.write_text(NOTEBOOK)
    with (small / "docs" / "page.md").open("a") as page:
        page.write("\n[a notebook](notebooks/n.py)\n")
    with (small / "docs" / "README.md").open("a") as page:
        page.write("| see it | [n.py](notebooks/n.py) |\n")
    shown = small / "out" / "notebooks"
    assert build(small, small / "out").returncode == 0
    text = (shown / "n.html").read_text()
    assert "without executing" in text and "six is 6" not in text and 'href="../page.html"' in text
    assert "notebook 1 of 1: n" in notebooks(small).stdout and notebooks(small).stdout == ""  # the second time
    assert build(small, small / "out").returncode == 0
    text = (shown / "n.html").read_text()
    assert "six is 6" in text and "progress" not in text.partition("<article")[2].replace('"progress"', "")
    assert (shown / "n_1.png").exists() and (shown / "n.py").exists() and (shown / "n.ipynb").exists()
    file.write_text(NOTEBOOK + "1 / 0\n")
    failed = notebooks(small)  # executed anew, without meeting new.txt
    assert failed.returncode == 1 and "docs/notebooks/n.py failed" in failed.stderr and "ZeroDivision" in failed.stderr


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_ends_the_build(fault, small):
    name, text, message = FAULTS[fault]
    path = small / "docs" / name
    path.write_text((path.read_text() if path.exists() else "") + "\n" + text.format(root=small) + "\n")
    done = build(small, small / "out")
    assert done.returncode == 1 and message in done.stdout + done.stderr, done.stdout + done.stderr


def test_what_a_page_loads_and_what_it_links_to(monkeypatch):
    monkeypatch.syspath_prepend(DOCS)
    loaded = importlib.import_module("make_site").loaded
    assert (
        loaded('<a href="https://example.org">x</a> <img src="x.png"> <link rel="canonical" href="https://a.b">') == []
    )
    assert loaded('<script defer src="//a.b/c.js">') == ["//a.b/c.js"]
    assert loaded('<link href="https://a.b/c.css" rel="stylesheet">') == ["https://a.b/c.css"]
    assert loaded("@import 'https://a.b/c.css'; x { src: url(https://a.b/c.woff2) }") == [
        "https://a.b/c.css",
        "https://a.b/c.woff2",
    ]
