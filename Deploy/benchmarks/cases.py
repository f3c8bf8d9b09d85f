"""The cases, and their tables. `load` is what plimsoll-bench is asked for; a case with `tool` is driven by another program, over TLS.

A case with `awake` is judged by a p99 far below what its target could carry: processors are kept awake for it, and those who are judged run more often.
"""
import statistics

import goals

SLOW = ["--stream", "--seconds", "0"]
CASES = {
    "whole": {"title": "not streamed, 64 connections, closed loop", "load": ["--connections", "64", "--seconds", "4"]},
    "stream": {
        "title": "200 concurrent streams of 64 tokens, 20 ms apart",
        "load": ["--stream", "--connections", "200", "--seconds", "4", "--ramp-ms", "1300"], "awake": True,
    },
    "slow": {
        "title": "1,000 slow streams at once, each on a new connection: 20 tokens, 200 ms apart, the first after 500 ms",
        "load": SLOW + "--connections 1000 --ramp-ms 1500 --tokens 20 --gap-ms 200 --first-token-ms 500".split(),
    },
    "memory": {
        "title": "5,000 slow streams at once: 8 tokens, 1 s apart, the first after 1 s; resident memory before, most of it, and 10 s after",
        "load": SLOW + "--connections 5000 --ramp-ms 4000 --tokens 8 --gap-ms 1000 --first-token-ms 1000".split(), "settles": 10,
    },
    "rate500": {"title": "not streamed, 500 a second whatever happens", "load": "--rate 500 --seconds 4 --connections 1000".split(), "awake": True},
    "rate2000": {"title": "not streamed, 2,000 a second whatever happens", "load": "--rate 2000 --seconds 4 --connections 1000".split(), "awake": True},
    "long": {"title": "prompts of 800 KB, 8 connections, closed loop", "load": "--connections 8 --seconds 4 --prompt-bytes 800000".split()},
    "growth": {
        "title": "resident memory over 1,000,000 requests, behind 100,000 to warm up; 10 s of rest before each reading",
        "warm": "--connections 64 --seconds 60 --requests 100000".split(), "load": "--connections 64 --seconds 300 --requests 1000000".split(),
        "settles": 10, "alone": True,
    },
    "tls": {"title": "not streamed, TLS 1.3 and HTTP/1.1, 64 connections (wrk)", "tool": "wrk"},
    "h2": {"title": "not streamed, TLS 1.3 and HTTP/2, 16 connections with 4 requests at once (h2load)", "tool": "h2load"},
}
# What the columns of a table are called, and where in a run they stand; times are microseconds and shown in milliseconds.
COLUMNS = {
    "per second": ("rate", 0), "CPU s/1000": ("cpu", 3), "p50 ms": ("latency.p50", 2), "p99 ms": ("latency.p99", 2),
    "first token p50 ms": ("first_token.p50", 2), "gap p90 ms": ("gap.p90", 2), "gap p99 ms": ("gap.p99", 2), "before MiB": ("before", 1), "peak MiB": ("memory", 1),
    "after MiB": ("after", 1), "KiB/stream": ("each", 1), "grown MiB": ("grown", 2), "core busy": ("busy", 2), "load busy": ("load_busy", 2),
    "foreign": ("foreign", 2),
}
STREAMED = ["per second", "CPU s/1000", "first token p50 ms", "gap p90 ms", "gap p99 ms", "peak MiB", "core busy", "foreign"]
WHOLE = ["per second", "CPU s/1000", "p50 ms", "p99 ms", "peak MiB", "core busy", "load busy", "foreign"]
SHOWN = {
    "stream": STREAMED, "slow": STREAMED, "memory": ["CPU s/1000", "before MiB", "peak MiB", "after MiB", "KiB/stream", "gap p99 ms", "foreign"],
    "growth": ["per second", "CPU s/1000", "before MiB", "after MiB", "grown MiB"],
    "rate500": ["per second", "CPU s/1000", "p50 ms", "p99 ms", "foreign"], "rate2000": ["per second", "CPU s/1000", "p50 ms", "p99 ms", "foreign"],
}
# Whose figures the goals compare, and how many times as often they run in cases with `awake`: a p99 differs more from run to run than any other figure.
JUDGED, AGAIN = ("nginx", "plimsoll"), 3
# What the gateway is held to: case, figure, how it is reckoned of medians, where it stands in a run, goal, unit. Times are microseconds, told in milliseconds.
GOALS = [
    ("whole", "CPU of requests that are not streamed, to nginx's", "ratio", "cpu", 1.3, "times"),
    ("stream", "CPU of 200 streams, to nginx's", "ratio", "cpu", 1.2, "times"),
    ("stream", "gap p99 of 200 streams above nginx's", "above", "gap.p99", 0.5, "ms"),
    ("slow", "CPU of slow streams, to nginx's", "ratio", "cpu", 1.3, "times"),
    ("memory", "memory of a stream, 5,000 at once", "own", "each", 12, "KiB"),
    ("memory", "memory ten seconds later, above the start", "own", "kept", 10, "%"),
    ("rate2000", "p50 at 2,000 a second above nginx's", "above", "latency.p50", 0.02, "ms"),
    ("rate2000", "p99 at 2,000 a second above nginx's", "above", "latency.p99", 1, "ms"),
    ("long", "prompts of 800 KB a second, to nginx's", "ratio", "rate", 0.7, "times"),
    ("growth", "growth over 1,000,000 requests", "own", "grown", 2, "MiB"),
]


def middle(runs, path):
    values = []
    for run in runs:
        for part in path.split("."):
            run = run.get(part) if isinstance(run, dict) else None
        if run is not None:
            values.append(run)
    return statistics.median(values) if values else None


def shown(value, digits):
    return "-" if value is None else f"{value:,.{digits}f}"


def ratio(runs, base, path):
    ours, theirs = middle(runs, path), middle(base, path)
    return f"{ours / theirs:.2f}x" if ours is not None and theirs else "-"


def row(name, runs, base, columns):
    cells = [name]
    for column in columns:
        path, digits = COLUMNS[column]
        value = middle(runs, path)
        cells.append(shown(value / 1000 if value is not None and "." in path else value, digits))
        if column in ("CPU s/1000", "per second"):
            cells.append(ratio(runs, base, path))
    return cells + [str(len(runs)), str(sum(run["wrong"] + run["lost"] for run in runs))]


def table(case, names, results):
    """Medians of all runs, and ratios to nginx."""
    columns = SHOWN.get(case, WHOLE)
    head = ["target"]
    for column in columns:
        head += [column, "to nginx"] if column in ("CPU s/1000", "per second") else [column]
    rows = [row(name, results[name], results.get("nginx", []), columns) for name in names if results.get(name)]
    rows.insert(0, head + ["runs", "wrong or lost"])
    widths = [max(len(cells[column]) for cells in rows) for column in range(len(rows[0]))]
    print(f"\n{CASES[case]['title']} (medians, one core for each target)")
    for cells in rows:
        print("  " + "  ".join(cell.ljust(width) if column == 0 else cell.rjust(width) for column, (cell, width) in enumerate(zip(cells, widths))))


def figure(how, path, runs, base):
    """None where it was not measured."""
    ours, theirs = middle(runs, path), middle(base, path)
    if how == "own" or ours is None:
        return ours
    if not theirs:
        return None
    return ours / theirs if how == "ratio" else (ours - theirs) / 1000


def judge(results):
    """The gateway's figures beside their goals. On a machine that others use too one series that misses a goal says little."""
    print("\nplimsoll beside its goals")
    for case, what, how, path, goal, unit in GOALS:
        runs = results.get(case, {})
        found = figure(how, path, runs.get("plimsoll", []), runs.get("nginx", []))
        if found is not None:
            goals.hold(what, found, goal, unit, at_least=path == "rate")
    gone = sum(run["wrong"] + run["lost"] for runs in results.values() for run in runs.get("plimsoll", []))
    goals.hold("answers that were wrong or lost", gone, 0, "in all runs")
