"""Runs the gateway and its peers between one upstream and one load generator, interleaved, and prints medians and ratios to nginx.

The figure to trust is CPU seconds per 1,000: the target's own user and system time out of /proc, which does not depend on who else had the
core. Requests per second are worth something only where "foreign" is near 0: the cores that others on this machine used meanwhile.
"""
import argparse
import json
import os
import pathlib
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).parent
BENCH = pathlib.Path(".build/release/plimsoll-bench")
TICKS = os.sysconf("SC_CLK_TCK")
KEY = "sk-bench-0123456789abcdef"
CASES = {
    "whole": ("not streamed, 64 connections, closed loop", ["--connections", "64", "--seconds", "4"]),
    "stream": (
        "200 concurrent streams of 64 tokens, 20 ms apart",
        ["--stream", "--connections", "200", "--seconds", "4", "--ramp-ms", "1300"],
    ),
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def pinned(core, command):
    return (["taskset", "-c", str(core)] if os.cpu_count() > 1 else []) + command


def family(root):
    """A process and all its children."""
    parents = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents.setdefault(int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1]), []).append(int(entry.name))
            except OSError:
                continue
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += parents.get(pid, [])
    return found


def cpu_seconds(root):
    total = 0
    for pid in family(root):
        try:
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        except OSError:
            continue
    return total / TICKS


def forget_peak(root):
    for pid in family(root):
        try:
            pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")
        except OSError:
            continue


def peak_mib(root):
    total = 0
    for pid in family(root):
        try:
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            total += int(status.split("VmHWM:")[1].split()[0])
        except (OSError, IndexError):
            continue
    return total / 1024


def busy_seconds():
    """What all processors of the machine have worked so far."""
    fields = [int(field) for field in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS


def wait_until_quiet(share=0.15, most=8):
    """Others may work on this machine: waits for them, but not for ever."""
    end = time.monotonic() + most
    while time.monotonic() < end:
        before = busy_seconds()
        time.sleep(0.4)
        if (busy_seconds() - before) / 0.4 / os.cpu_count() <= share:
            return


class Meter:
    """Processor time and peak memory of a target, and what others used, since it was made."""

    def __init__(self, target, upstream):
        self.target, self.upstream = target, upstream
        if target:
            forget_peak(target)
        self.began, self.before = time.monotonic(), self.read()

    def read(self):
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        load = cpu_seconds(self.upstream) + children.ru_utime + children.ru_stime
        return busy_seconds(), load, cpu_seconds(self.target) if self.target else 0

    def figures(self, completed):
        seconds = time.monotonic() - self.began
        busy, load, cpu = (now - before for now, before in zip(self.read(), self.before))
        found = {"load_busy": load / seconds, "foreign": max(0, busy - load - cpu) / seconds}
        if self.target and completed:
            found |= {"cpu": cpu / completed * 1000, "busy": cpu / seconds, "memory": peak_mib(self.target)}
        return found


class Target:
    def __init__(self, name, upstreams, work):
        self.name, self.process, self.port = name, None, upstreams[0] if name == "direct" else free_port()
        self.folder = work / name
        self.folder.mkdir()
        self.environment = os.environ | {
            "PORT": str(self.port), "KEY": KEY, "UP_A": str(upstreams[0]), "UP_B": str(upstreams[1]), "RUN": str(self.folder), "LOOPS": "1",
            "VENVS": str(pathlib.Path(".build-python").absolute()),
        }

    def start(self):
        if self.name == "direct":
            return
        log = (self.folder / "log").open("wb")
        command = pinned(os.cpu_count() - 1, ["bash", str(HERE / "targets" / self.name)])
        self.process = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, start_new_session=True)
        end = time.monotonic() + 90
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            if all(self.answers(model) for model in ("mock-a", "mock-b")):
                return
            time.sleep(0.2)
        tail = (self.folder / "log").read_text(errors="replace")[-600:]
        self.stop()
        raise RuntimeError(f"{self.name} does not answer: {tail}")

    def answers(self, model):
        body = json.dumps({"model": model, "max_tokens": 64, "messages": [{"role": "user", "content": "hi"}]}).encode()
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/v1/chat/completions", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False

    def run(self, flags, upstream):
        wait_until_quiet()
        meter = Meter(self.process.pid if self.process else None, upstream)
        command = pinned(0, [str(BENCH), "load", "--port", str(self.port), "--key", KEY] + flags)
        result = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=180, check=True).stdout)
        return result | {"rate": result["completed"] / result["seconds"]} | meter.figures(result["completed"])

    def stop(self):
        if not self.process:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, number)
                self.process.wait(5)
                break
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue
        self.process = None


def middle(runs, *path):
    values = []
    for run in runs:
        for part in path:
            run = run.get(part) if isinstance(run, dict) else None
        if run is not None:
            values.append(run)
    return statistics.median(values) if values else None


def shown(value, digits=2):
    return "-" if value is None else f"{value:,.{digits}f}"


def ratio(runs, base, *path):
    ours, theirs = middle(runs, *path), middle(base, *path)
    return f"{ours / theirs:.2f}x" if ours is not None and theirs else "-"


def table(title, names, results):
    base = results.get("nginx", [])
    head = ["target", "per second", "CPU s/1000", "to nginx", "p50 ms", "p99 ms", "first token p50 ms", "gap p99 ms", "peak MiB",
            "core busy", "load busy", "foreign", "wrong or lost"]
    rows = []
    for name in names:
        runs = results.get(name, [])
        if not runs:
            continue
        faults = sum(run["wrong"] + run["lost"] for run in runs)
        times = [middle(runs, *path) for path in (("latency", "p50"), ("latency", "p99"), ("first_token", "p50"), ("gap", "p99"))]
        rows.append(
            [name, shown(middle(runs, "rate"), 0), shown(middle(runs, "cpu"), 3), ratio(runs, base, "cpu")]
            + [shown(time / 1000 if time else None) for time in times]
            + [shown(middle(runs, "memory"), 0)]
            + [shown(middle(runs, part)) for part in ("busy", "load_busy", "foreign")]
            + [str(faults)]
        )
    widths = [max(len(row[column]) for row in [head] + rows) for column in range(len(head))]
    print(f"\n{title}")
    for row in [head] + rows:
        print("  " + "  ".join(cell.ljust(width) if column == 0 else cell.rjust(width) for column, (cell, width) in enumerate(zip(row, widths))))


def compare(options):
    names, results = options.targets.split(","), {}
    upstreams = (free_port(), free_port())
    with tempfile.TemporaryDirectory(prefix="plimsoll-bench-") as folder:
        work = pathlib.Path(folder)
        work.chmod(0o755)
        upstream = subprocess.Popen(
            pinned(0, [str(BENCH), "upstream", "--port", str(upstreams[0]), "--port", str(upstreams[1])]), stdout=subprocess.PIPE)
        upstream.stdout.readline()
        targets = [Target(name, upstreams, work) for name in names]
        try:
            ready = []
            for target in targets:
                print(f"starting {target.name}", flush=True)
                try:
                    target.start()
                    ready.append(target)
                except RuntimeError as error:
                    print(error)
            for case in options.cases.split(","):
                results[case] = {}
                for number in range(options.runs):
                    # There and back, so that a drift of the machine falls on all alike.
                    for target in ready if number % 2 == 0 else reversed(ready):
                        print(f"{case}, run {number + 1} of {options.runs}: {target.name}", flush=True)
                        results[case].setdefault(target.name, []).append(target.run(CASES[case][1], upstream.pid))
        finally:
            for target in targets:
                target.stop()
            upstream.kill()
    for case, runs in results.items():
        table(f"{CASES[case][0]} (medians of {options.runs} runs, one core for each target)", names, runs)
    if options.out:
        pathlib.Path(options.out).write_text(json.dumps(results))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", default="direct,nginx,plimsoll,envoy,vllm-router,litellm")
    parser.add_argument("--cases", default="whole,stream")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out", help="write every run into this JSON file")
    parser.add_argument("--failover", action="store_true")
    parser.add_argument("--demo", action="store_true")
    options = parser.parse_args()
    if options.failover or options.demo:
        sys.path.insert(0, str(HERE))
        import installation

        installation.failover() if options.failover else installation.second_start()
    else:
        compare(options)


main()
