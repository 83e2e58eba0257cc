"""The measurement as tables, one for each group of models."""

from ...display.tables import Table
from ...display.tables import report as as_text
from ...simulation.methods import AUTO
from .measure import LONGEST
from .models import GROUPS


def tables(result: dict) -> list[Table]:
    """For each group a row for each model, with the CPU nanoseconds that an event takes with each method."""
    found = []
    for group in GROUPS:
        rows = [row for row in result["models"] if row["group"] == group]
        if rows:
            methods = tuple(rows[0]["methods"])
            columns = ("model", "species", "reactions", "laws", "events", *methods, "auto chose", "auto / best")
            found.append(Table(_caption(group, result), columns, [_row(row) for row in rows]))
    return found


def _caption(group: str, result: dict) -> str:
    return (
        f"Models of the group {group!r}: CPU nanoseconds an event, least of {result['repeats']} runs"
        f"{', one core' if result['one_core'] else ''}; {result['machine']['processor']}, "
        f"Python {result['machine']['python']}"
    )


def _row(row: dict) -> tuple:
    cells = (_number(record["ns_per_event"], ".3g") for record in row["methods"].values())
    return (
        row["model"], row["n_species"], row["n_reactions"], row["n_laws"], row["events"], *cells, row["auto_chose"],
        _number(row["auto_over_best"], ".2f"),
    )  # fmt: skip


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else f"{value:{form}}"


def notes(result: dict) -> list[str]:
    """The worst ratio of each group, and the methods that were timed over fewer events."""
    lines = [
        f"Worst of the group {group!r}: {AUTO} takes {worst['auto_over_best']:.2f} times as long as the best method on "
        f"{worst['model']}"
        for group, worst in result["worst"].items()
    ]
    cut: dict[str, list[str]] = {}
    for row in result["models"]:
        for method, record in row["methods"].items():
            if 2 * record["events"] < row["events"]:
                cut.setdefault(method, []).append(f"{row['model']} ({record['events']})")
    few = "; ".join(f"{method}: {', '.join(models)}" for method, models in cut.items())
    return [f"Timed over fewer events, because a run would take over {LONGEST:g} s: {few}", *lines] if few else lines


def report(result: dict, markdown: bool = False) -> str:
    """The tables and their notes in plain text or Markdown."""
    return as_text(tables(result), notes(result), markdown)
