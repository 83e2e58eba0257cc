"""The measurement as a table, with notes."""

from ...display import tables
from ...display.tables import Table

_UNIT = 1e6


def table(found: dict) -> Table:
    """A row for each model and length, with the microseconds that each program takes for a replicate."""
    rows = found["ensembles"]
    labels = list(dict.fromkeys(label for row in rows for label in row["programs"]))
    columns = (
        "model", "run", "events", "auto chose", *labels, "fastest peer", "we are faster by", "fastest of all",
        "we are faster by",
    )  # fmt: skip
    caption = (
        f"Microseconds a replicate, median of {found['repeats']}, {found['points']} recorded points"
        f"{', one core' if found['one_core'] else ''}; {found['machine']['processor']}, "
        f"Python {found['machine']['python']}"
    )
    return Table(caption, columns, [_row(row, labels) for row in rows])


def _row(row: dict, labels: list[str]) -> tuple:
    cells = [_cell(row["programs"].get(label, {"failed": ""}), row["replicates"]) for label in labels]
    ratios = []
    for key in ("", "_of_all"):
        ratios += [row.get(f"fastest{key}", "-"), f"{row[f'faster_by{key}']:.2f}" if f"fastest{key}" in row else "-"]
    method = row["programs"]["gillespie-nn"]["method"]
    return (row["model"], row["length"], f"{row['events']:.0f}", method, *cells, *ratios)


def _cell(record: dict, n: int) -> str:
    if "failed" in record:
        return "failed"
    return f"{_UNIT * record['median'] / n:.3g}" + (" differs" if "differs" in record else "")


def notes(found: dict) -> list[str]:
    """What a reader of the table must know: versions, programs that are missing, failed or simulate something else."""
    lines = []
    versions = [f"{name} {p['version']}" for name, p in found["peers"].items() if "version" in p]
    lines.append("Versions: " + ", ".join([f"gillespie-nn {found['version']}", *versions]))
    for name, about in found["peers"].items():
        if "missing" in about:
            lines.append(about["missing"])
        elif not about["documented"]:
            lines.append(f"{name}: the program does not document these calls, so it counts only for the fastest of all")
    for row in found["ensembles"]:
        for name, record in row["programs"].items():
            for key in ("failed", "differs"):
                if key in record:
                    lines.append(f"{row['model']}, {row['length']}, {name}: {record[key]}")
    return lines


def report(found: dict, markdown: bool = False) -> str:
    """The table and its notes in plain text or Markdown."""
    return tables.report([table(found)], notes(found), markdown)
