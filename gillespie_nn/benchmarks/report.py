"""A measurement as a Markdown table."""


def markdown(found: dict) -> str:
    """A Markdown table with a row for each program and case: time, events per second and speed-up of `rejection`."""
    lines = [
        f"{found['machine']['processor']}, Python {found['machine']['python']}; best of {found['repeats']} runs "
        f"(one if a run takes over 5 s), start-up subtracted; Omega = {found['volume']:g}. One exponential "
        f"and one uniform random number cost {found['draws_ns']:.1f} ns.",
        "",
        "| network | program | start-up [s] | seconds | events/s | ns/event | `rejection` faster by | with start-up |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, case in found["cases"].items():
        title = f"{name}, {case['events']:.2g} events"
        best = case["methods"]["rejection"]["ns_per_event"]
        for method, row in case["methods"].items():
            ratio = f"{row['ns_per_event'] / best:.1f}"
            lines.append(
                _row(title, f"gillespie-nn `{method}`", 0, row["seconds"], row["events_per_second"], ratio, ratio)
            )
        for program, row in case.get("peers", {}).items():
            if "seconds" not in row:
                reason = "not installed" if "missing" in row else row.get("left_out", "failed to run")
                lines.append(f"| {title} | {program} | {reason} | | | | | |")
                continue
            ratio = f"{row['rejection_is_times_faster']:.1f}"
            lines.append(
                _row(
                    title,
                    f"{program} {row['version']}",
                    row["start_up_seconds"],
                    row["seconds"],
                    row["events_per_second"],
                    ratio,
                    f"{row['with_start_up']:.1f}",
                )
            )
        storing = case["storing_100_points"]
        lines.append(f"| {title} | storing 100 points | {100 * storing['median']:+.1f} % (median) | | | | | |")
    return "\n".join(lines)


def _row(title: str, program: str, start: float, seconds: float, rate: float, ratio: str, whole: str) -> str:
    return f"| {title} | {program} | {start:.2g} | {seconds:.3g} | {rate:.2e} | {1e9 / rate:.3g} | {ratio} | {whole} |"
