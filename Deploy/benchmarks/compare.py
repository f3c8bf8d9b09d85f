"""Runs the gateway and its peers between one upstream and one load generator, interleaved, and prints medians and ratios to nginx.

The figure to trust is CPU seconds per 1,000: the target's own user and system time out of /proc, which does not depend on who else had the
core. Requests per second are worth something only where "foreign" is near 0: the cores that others on this machine used meanwhile.
"""
import argparse
import contextlib
import json
import os
import pathlib
import resource
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import secure
from cases import AGAIN, CASES, JUDGED, judge, table
from machine import busy_seconds, cpu_seconds, forget_peak, free_port, kept_awake, memory_kib, wait_until_quiet

HERE = pathlib.Path(__file__).parent
BENCH = pathlib.Path(".build/release/plimsoll-bench")
KEY = "sk-bench-0123456789abcdef"


def pinned(core, command):
    return (["taskset", "-c", str(core)] if os.cpu_count() > 1 else []) + command


def machine_alone(seconds=4):
    """What the machine does to the target's core while nothing runs: tails of latencies cannot be better than that."""
    command = pinned(os.cpu_count() - 1, [sys.executable, str(HERE / "slow_stretches.py"), str(seconds)])
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    print(f"the machine alone: fixed work took over three times as long in {found['share']:.1%} of {seconds} s, {found['longest_ms']:.1f} ms at a stretch", flush=True)


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
            found |= {"cpu": cpu / completed * 1000, "busy": cpu / seconds, "memory": memory_kib(self.target, "VmHWM") / 1024}
        return found


class Target:
    def __init__(self, name, upstreams, work, certificate=None):
        self.name, self.process, self.port = name, None, upstreams[0] if name == "direct" else free_port()
        self.folder = work / (name + "-tls" if certificate else name)
        self.folder.mkdir()
        self.environment = os.environ | {
            "PORT": str(self.port), "KEY": KEY, "UP_A": str(upstreams[0]), "UP_B": str(upstreams[1]), "RUN": str(self.folder), "LOOPS": "1",
            "VENVS": str(pathlib.Path(".build-python").absolute()),
        }
        self.scheme = "https" if certificate else "http"
        if certificate:
            self.environment |= {"TLS_CERTIFICATE": str(certificate[0]), "TLS_KEY": str(certificate[1])}

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
        request = urllib.request.Request(f"{self.scheme}://127.0.0.1:{self.port}/v1/chat/completions", body, headers)
        # Its own certificate, which nobody else knows.
        trusting = ssl._create_unverified_context()
        try:
            with urllib.request.urlopen(request, timeout=5, context=trusting) as answer:
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False

    @property
    def pid(self):
        return self.process.pid if self.process else None

    def pause(self, paused):
        """Who is not measured does nothing: even idle, others wake up to 130 times a second on the target's core."""
        if self.process:
            os.killpg(self.process.pid, signal.SIGSTOP if paused else signal.SIGCONT)

    def run(self, case, upstream):
        if "warm" in case:
            self.load({"load": case["warm"]})
        if "settles" in case:
            time.sleep(case["settles"])
        wait_until_quiet()
        before, meter = memory_kib(self.pid) if self.pid else 0, Meter(self.pid, upstream)
        result = self.load(case)
        result |= {"rate": result["completed"] / result["seconds"]} | meter.figures(result["completed"])
        if self.pid:
            result |= self.settled(case, before, result)
            self.calm()
        return result

    def calm(self, most=10):
        """Who still works for clients that are gone takes the core of whoever is measured next: it is started anew."""
        end = time.monotonic() + most
        while time.monotonic() < end:
            before = cpu_seconds(self.pid)
            time.sleep(0.5)
            if cpu_seconds(self.pid) - before < 0.05:
                return
        print(f"{self.name} works on after its run: it is started anew", flush=True)
        self.stop()
        self.start()

    def load(self, case):
        tool = case.get("tool")
        command = secure.command(tool, self.port, KEY, self.folder) if tool else (
            [str(BENCH), "load", "--port", str(self.port), "--key", KEY] + case["load"])
        text = subprocess.run(pinned(0, command), capture_output=True, text=True, timeout=400, check=True).stdout
        return secure.result(tool, text) if tool else json.loads(text)

    def settled(self, case, before, result):
        """What of the memory is given back once nobody is there any more."""
        if "settles" not in case:
            return {}
        time.sleep(case["settles"])
        after = memory_kib(self.pid)
        found = {"before": before / 1024, "after": after / 1024, "grown": (after - before) / 1024, "kept": (after / before - 1) * 100}
        # Of a target that answered nobody nothing is known.
        if "warm" in case or not result["completed"]:
            return found
        return found | {"each": (result["memory"] * 1024 - before) / result["completed"]}

    def stop(self):
        if not self.process:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, number)
                self.pause(False)
                self.process.wait(5)
                break
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue
        self.process = None


def started(names, upstreams, work, certificate=None):
    """Those of the targets that answer."""
    ready = []
    for target in [Target(name, upstreams, work, certificate) for name in names]:
        print(f"starting {target.name}", flush=True)
        try:
            target.start()
            ready.append(target)
        except RuntimeError as error:
            print(error)
    return ready


def rounds(case, targets, runs):
    """Who runs in each round: there and back, so that a drift of the machine falls on all alike."""
    # One run of those that take minutes tells as much.
    runs = 1 if case.get("alone") else runs
    turns = runs * AGAIN if case.get("awake") else runs
    for number in range(turns):
        those = [target for target in targets if number < runs or target.name in JUDGED]
        yield number + 1, [target for target in those if not ("settles" in case and target.name == "direct")][:: 1 if number % 2 == 0 else -1]


def run_alone(target, targets, name, results, upstream):
    """Adds a run to the results. Who is not measured is paused."""
    for other in targets:
        other.pause(other is not target)
    try:
        results.setdefault(target.name, []).append(target.run(CASES[name], upstream))
    except RuntimeError as error:
        # What was measured of the others stands, and they go on.
        print(f"{error}; {target.name} is left out from here on", flush=True)
        targets.remove(target)


def measured(cases, targets, runs, upstream, let_sleep):
    """All runs by case and target; each case is told when it is done, and the targets are ended."""
    results = {case: {} for case in cases}
    try:
        for case in cases:
            with kept_awake() if CASES[case].get("awake") and not let_sleep else contextlib.nullcontext():
                for number, those in rounds(CASES[case], targets, runs):
                    for target in those:
                        print(f"{case}, run {number}: {target.name}", flush=True)
                        run_alone(target, targets, case, results[case], upstream)
            table(case, list(results[case]), results[case])
    finally:
        for target in targets:
            target.stop()
    return results


def compare(options):
    names, cases = options.targets.split(","), list(CASES) if options.cases == "all" else options.cases.split(",")
    upstreams, results = (free_port(), free_port()), {}
    wait_until_quiet()
    machine_alone()
    with tempfile.TemporaryDirectory(prefix="plimsoll-bench-") as folder:
        work = pathlib.Path(folder)
        work.chmod(0o755)
        upstream = subprocess.Popen(
            pinned(0, [str(BENCH), "upstream", "--port", str(upstreams[0]), "--port", str(upstreams[1])]), stdout=subprocess.PIPE)
        upstream.stdout.readline()
        try:
            if plain := [case for case in cases if "tool" not in CASES[case]]:
                results |= measured(plain, started(names, upstreams, work), options.runs, upstream.pid, options.let_sleep)
            if tls := [case for case in cases if "tool" in CASES[case]]:
                secured = [name for name in names if name in secure.TARGETS]
                results |= measured(tls, started(secured, upstreams, work, secure.certificate(work)), options.runs, upstream.pid, options.let_sleep)
        finally:
            upstream.kill()
    if "plimsoll" in names:
        judge(results)
    if options.out:
        pathlib.Path(options.out).write_text(json.dumps(results))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", default="direct,nginx,plimsoll,envoy,vllm-router,sglang-router,smg,litellm")
    parser.add_argument("--cases", default="whole,stream")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--out", help="write every run into this JSON file")
    parser.add_argument("--let-sleep", action="store_true", help="let processors sleep in every case: a p99 then tells of the hypervisor too, which wakes them late")
    parser.add_argument("--failover", action="store_true")
    parser.add_argument("--link", action="store_true")
    parser.add_argument("--demo", action="store_true")
    parser.add_argument("--drill", action="store_true")
    options = parser.parse_args()
    # Whoever is paused would stay behind, and not even end by a signal that asks it to.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if options.link:
        import link

        link.link(options.runs)
    elif options.failover or options.demo or options.drill:
        import installation

        runs = {"failover": installation.failover, "demo": installation.second_start, "drill": installation.drill}
        runs[next(name for name in runs if getattr(options, name))]()
    else:
        compare(options)


main()
