"""The measurement of training networks as a table."""

from ..display.tables import Table

_COLUMNS = (
    "network", "program", "start-up [s]", "seconds", "events/s", "ns/event", "`rejection` faster by", "with start-up",
)  # fmt: skip


def table(found: dict) -> Table:
    """A row for each program and case: time, events per second and speed-up of `rejection`."""
    rows = []
    for name, case in found["cases"].items():
        title = f"{name}, {case['events']:.2g} events"
        best = case["methods"]["rejection"]["ns_per_event"]
        for method, record in case["methods"].items():
            ratio = record["ns_per_event"] / best
            rows.append(_row(title, f"gillespie-nn `{method}`", 0.0, record, ratio, ratio))
        for program, record in case.get("peers", {}).items():
            if "seconds" in record:
                label, start = f"{program} {record['version']}", record["start_up_seconds"]
                faster_by = record["rejection_is_times_faster"], record["with_start_up"]
                rows.append(_row(title, label, start, record, *faster_by))
            else:
                reason = "not installed" if "missing" in record else record.get("left_out", "failed to run")
                rows.append(_short(title, program, reason))
        storing = case["storing_100_points"]["median"]
        rows.append(_short(title, "storing 100 points", f"{100 * storing:+.1f} % (median)"))
    caption = (
        f"{found['machine']['processor']}, Python {found['machine']['python']}; best of {found['repeats']} runs (one "
        f"if a run takes over 5 s), start-up subtracted; Omega = {found['volume']:g}; one exponential and one uniform "
        f"random number cost {found['draws_ns']:.1f} ns"
    )
    return Table(caption, _COLUMNS, rows)


def _row(title: str, program: str, start: float, record: dict, ratio: float, whole: float) -> tuple:
    rate = record["events_per_second"]
    numbers = f"{start:.2g}", f"{record['seconds']:.3g}", f"{rate:.2e}", f"{1e9 / rate:.3g}"
    return (title, program, *numbers, f"{ratio:.1f}", f"{whole:.1f}")


def _short(title: str, what: str, value: str) -> tuple:
    return (title, what, value, *[""] * (len(_COLUMNS) - 3))
