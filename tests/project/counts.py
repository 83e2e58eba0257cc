"""Counts of the source, held to limits by `test_counts.py`: files, comments, words to avoid, names that stand twice.

    python tests/project/counts.py                 prints a table
    python tests/project/counts.py --where found   lists every place of a word
    python tests/project/counts.py --twice         lists basenames and class names that stand twice

Counted are all files `*.py` of `gillespie_nn` and `kernels`; links between the two are not followed.
"""

import argparse
import ast
import io
import re
import sys
import tokenize
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDERS = ("gillespie_nn", "kernels")
WORDS = ("found", "own", "some", "beside", "said", "look_at", "hand_on", "carry_out")
_BLANK = {tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.COMMENT, tokenize.ENDMARKER}


def sources(root=ROOT):
    """{path relative to the root: text} of all counted files."""
    paths = (path for folder in FOLDERS for path in sorted((root / folder).rglob("*.py")))
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def _tokens(text):
    return list(tokenize.generate_tokens(io.StringIO(text).readline))


def _pattern(word):
    """The word in prose, and as a part of a name between underscores; `look_at` is also `look at`."""
    parts = r"[_\s]+".join(word.split("_"))
    return re.compile(rf"(?<![a-z]){parts}(?![a-z])", re.IGNORECASE)


PATTERNS = {word: _pattern(word) for word in WORDS}


def in_names(text):
    """{word: times in names of the code}. Before Python 3.12 a name within an f-string counts as prose."""
    # A comma between them, since two names in a row (`look at`) are not one.
    return in_all(",".join(token.string for token in _tokens(text) if token.type == tokenize.NAME))


def in_all(text):
    """{word: times in names, comments, docstrings and messages}: in the whole text."""
    return {word: len(PATTERNS[word].findall(text)) for word in WORDS}


def full_line_comments(text):
    """Number of lines that are a comment and nothing else."""
    return sum(token.type == tokenize.COMMENT and not token.line[: token.start[1]].strip() for token in _tokens(text))


def code_lines(text):
    """Number of lines with code: no comments, blank lines or docstrings, nor texts that stand below a name."""
    lines = set()
    for token in _tokens(text):
        if token.type not in _BLANK:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if is_text and isinstance(node.value.value, str):
            lines.difference_update(range(node.lineno, node.end_lineno + 1))
    return len(lines)


def basenames_twice(files):
    """{basename: paths} of the files that share one; every package has an `__init__.py`."""
    paths = {}
    for path in files:
        paths.setdefault(path.rpartition("/")[2], []).append(path)
    return {name: where for name, where in paths.items() if len(where) > 1 and name != "__init__.py"}


def classes_twice(files):
    """{name: paths} of classes that share a name, those within functions and classes included."""
    paths = {}
    for path, text in files.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef):
                paths.setdefault(node.name, []).append(path)
    return {name: where for name, where in paths.items() if len(where) > 1}


def places(files, word):
    """(path, line number, line) of every place of a word."""
    for path, text in files.items():
        lines = text.splitlines()
        for hit in PATTERNS[word].finditer(text):
            number = text.count("\n", 0, hit.start()) + 1
            yield path, number, lines[number - 1].strip()


def _share(texts):
    """Share of full-line comments among all lines, in percent."""
    return 100 * sum(map(full_line_comments, texts)) / max(1, sum(len(text.splitlines()) for text in texts))


def counts(files):
    """{what is counted: number} of {path: text}."""
    kernels = [text for path, text in files.items() if path.startswith("kernels/")]
    others = [text for path, text in files.items() if not path.startswith("kernels/")]
    words, names = Counter(), Counter()
    for text in files.values():
        words.update(in_all(text))
        names.update(in_names(text))
    return {
        "files": len(files),
        "lines of code": sum(map(code_lines, files.values())),
        "comments in kernels [%]": _share(kernels),
        "comments elsewhere [%]": _share(others),
        **{f"{word} in names": names[word] for word in WORDS},
        **{f"{word} in prose": words[word] - names[word] for word in WORDS},
        "words to avoid": words.total(),
        "basenames twice": len(basenames_twice(files)),
        "class names twice": len(classes_twice(files)),
    }


def table(counted):
    """The counts as text: words in three columns, everything else a line each."""
    lines = [f"{'':12}{'names':>8}{'prose':>8}{'both':>8}"]
    for word in WORDS:
        names, prose = counted[f"{word} in names"], counted[f"{word} in prose"]
        lines.append(f"{word:12}{names:8}{prose:8}{names + prose:8}")
    rest = [(name, n) for name, n in counted.items() if name.rpartition(" in ")[0] not in WORDS]
    lines += ["", *(f"{name:28}{n:8.2f}" if "%" in name else f"{name:28}{n:8}" for name, n in rest)]
    return "\n".join(lines)


def main(arguments=None):
    parser = argparse.ArgumentParser(description="counts of the source, as a table")
    parser.add_argument("--where", choices=WORDS, help="list every place of this word instead")
    parser.add_argument("--twice", action="store_true", help="list basenames and class names that stand twice instead")
    args = parser.parse_args(arguments)
    files = sources()
    if args.where:
        for path, number, line in places(files, args.where):
            print(f"{path}:{number}: {line}")
    elif args.twice:
        for name, where in {**basenames_twice(files), **classes_twice(files)}.items():
            print(f"{name}: {', '.join(where)}")
    else:
        print(table(counts(files)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
