"""From the runs of a measurement to what is kept of it and what is shown."""
import datetime
import json
import statistics

import bed
import machine

RESULTS = bed.ROOT / "bench/results"
YARDSTICK = "2x-batch-parse"
COLUMNS = (("records/s", "records_s", "{:,.0f}"), ("steady records/s", "steady_records_s", "{:,.0f}"),
           ("CPU s per million", "cpu_s_per_million", "{:.3f}"), ("steady", "steady_cpu_s_per_million", "{:.3f}"), ("broker's", "broker_cpu_s_per_million", "{:.3f}"),
           ("database's", "database_cpu_s_per_million", "{:.3f}"), ("peak MiB", "peak_mib", "{:.0f}"),
           ("first result s", "first_result_s", "{:.2f}"))


def spread(values):
    """Least, median, greatest; None: there are none."""
    values = [value for value in values if value is not None]
    return [min(values), statistics.median(values), max(values)] if values else None


def by_what(runs):
    return {what: [run for run in runs if run["what"] == what] for what in dict.fromkeys(run["what"] for run in runs)}


def summary(runs):
    return {what: {key: values for _, key, _ in COLUMNS if (values := spread(run.get(key) for run in of))}
            for what, of in by_what(runs).items()}


def ratios(runs, yardstick=YARDSTICK):
    """Of the engine to the yardstick of the same round: the machine drifts, both drift with it."""
    yard = {run["round"]: run for run in runs if run["what"] == yardstick}
    own = [run for run in runs if run["what"] == "weir run" and run["round"] in yard]
    of = lambda key, over: spread(run[key] / yard[run["round"]][over] for run in own if run.get(key) is not None)  # noqa: E731
    found = {"records_s": of("records_s", "records_s"), "steady_records_s": of("steady_records_s", "records_s"),
             "cpu_s_per_million": of("cpu_s_per_million", "cpu_s_per_million"),
             "steady_cpu_s_per_million": of("steady_cpu_s_per_million", "cpu_s_per_million")}
    return {key: [round(value, 3) for value in values] for key, values in found.items() if values}


def table(runs):
    shown = [column for column in COLUMNS if any(run.get(column[1]) is not None for run in runs)]
    lines = ["| what | " + " | ".join(title for title, *_ in shown) + " |", "|---" * (len(shown) + 1) + "|"]
    for what, of in summary(runs).items():
        cells = [" / ".join(form.format(value) for value in of[key]) if key in of else "" for _, key, form in shown]
        lines.append(f"| {what} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def stamp():
    return {"at": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%MZ"), "machine": machine.machine(),
            "versions": machine.versions()}


def keep(name, result):
    """One file a measurement; its history is git's."""
    RESULTS.mkdir(exist_ok=True)
    at = RESULTS / f"{name}.json"
    at.write_text(compact(result) + "\n")
    print(f"written to {at.relative_to(bed.ROOT)}")


def compact(result):
    """A line for each run, so that a diff shows runs and not figures."""
    parts = []
    for key, value in result.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            inner = ",\n  ".join(json.dumps(item) for item in value)
            parts.append(f" {json.dumps(key)}: [\n  {inner}]")
        else:
            parts.append(f" {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(parts) + "}"


def show_machine(stamped):
    on, of = stamped["machine"], stamped["versions"]
    print(f"{on['cores']} cores ({on['cpu']}), {on['memory_gib']} GiB, Linux {on['kernel']}; " +
          ", ".join(f"{name} {version}" for name, version in of.items()) + f"; {stamped['at']}\n", flush=True)
