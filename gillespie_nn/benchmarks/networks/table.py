"""The measurement as a table, with notes."""

from statistics import median

from ...display import tables
from ...display.tables import Table
from .published import SOURCE
from .runs import PEER

_COLUMNS = (
    "network", "reactions", "end time", "method", "events", "start-up [s]", "seconds", "events/s",
    f"{PEER} start-up [s]", f"{PEER} seconds", f"{PEER} events/s", "ratio", "published ratio",
)  # fmt: skip


def table(result: dict) -> Table:
    """A row for each network and each of our methods, and for a run to the published end."""
    core = ", one core" if result["one_core"] else ""
    caption = (
        f"Seconds of CPU time of a run without start-up, median of {result['repeats']}{core}; "
        f"{result['machine']['processor']}, Python {result['machine']['python']}"
    )
    rows = []
    for row in result["networks"]:
        for label, record in row["methods"].items():
            name = record["method"] if label == record["method"] else f"{label}: {record['method'] or '-'}"
            rows.append(_row(row, row["t_end"], name, record, row.get("peer", {})))
        if full := row.get("full"):
            rows.append(_row(row, full["t_end"], f"auto: {full['method']}", full, {}))
    return Table(caption, _COLUMNS, rows)


def _row(row: dict, t_end: float, method: str, record: dict, peer: dict) -> tuple:
    ratio = f"{record['ratio']:.3g}" if "ratio" in record else "-"
    published = f"{row['published']['ratio']:.3g}" if "published" in row else "-"
    n, *ours = _cells(record)
    return (row["network"], row["reactions"], f"{t_end:g}", method, n, *ours, *_cells(peer)[1:], ratio, published)


def _cells(record: dict) -> tuple[str, ...]:
    """Events, start-up, seconds, and events per second."""
    if "rate" not in record:
        return "-", "-", "-", "failed" if "failed" in record else "-"
    events, start, seconds = (median(record[key]) for key in ("events", "start_up", "seconds"))
    return f"{events:.3g}", f"{start:.2g}", f"{seconds:.3g}", f"{record['rate']:.3g}"


def notes(result: dict) -> list[str]:
    """What a reader of the table must know."""
    peer = result["peer"] or {}
    versions = f"Versions: gillespie-nn {result['version']}"
    lines = [f"{versions}, {PEER} {peer['version']}" if "version" in peer else versions]
    if "missing" in peer:
        lines.append(peer["missing"])
    if any("published" in row for row in result["networks"]):
        lines.append(f"published ratio: Catalyst's fastest method to BioNetGen, {SOURCE}, on another machine")
    for row in result["networks"]:
        published = row.get("published", {})
        if published.get("start_up"):
            lines.append(
                f"{row['network']}: {published['start_up']:g} s of the published {published['bionetgen']:g} s of "
                f"{PEER} are taken as start-up and subtracted"
            )
        if "full" in row:
            lines.append(
                f"{row['network']}, end time {row['full']['t_end']:g}: one run; published {published['fastest']:g} s "
                f"for Catalyst and {published['bionetgen']:g} s for {PEER}"
            )
        every = {**row["methods"], PEER: row.get("peer", {})}
        for label, record in {**every, "to the published end": row.get("full", {})}.items():
            lines += [f"{row['network']}, {label}: {record[key]}" for key in ("failed", "differs") if key in record]
        for label, record in every.items():
            if "rate" in record and len(record["seconds"]) < result["repeats"]:
                lines.append(f"{row['network']}, {label}: timed once, because a run takes {record['seconds'][0]:.3g} s")
    return lines


def report(result: dict, markdown: bool = False) -> str:
    """The table and its notes in plain text or Markdown."""
    return tables.report([table(result)], notes(result), markdown)
