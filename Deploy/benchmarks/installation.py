"""Figures of a whole installation: how soon the loss of a host is felt by nobody, and how long a second start takes."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import goals

PROGRAM = ".build/release/plimsoll"
# Kind, and requests at a time of the drill's own: in this order, on one installation.
DRILLS = (("provider-loss", 0), ("provider-loss", 4), ("wrong-answers", 4))


def environment(state, base):
    root = pathlib.Path.cwd()
    return os.environ | {
        "PLIMSOLL_STATE": state, "PLIMSOLL_PORT_BASE": str(base), "PLIMSOLL_LLAMA_PYTHON": str(root / ".build-python/llama/bin/python"),
        "PLIMSOLL_LLAMA_WORKER": str(root / "Deploy/runtimes/llama_worker.py"),
    }


def dev(state, base, *arguments):
    return subprocess.run([PROGRAM, "dev", *arguments], env=environment(state, base), check=True, stdout=subprocess.DEVNULL)


def demo(state):
    values = {}
    for line in pathlib.Path(state, "demo.env").read_text().splitlines():
        name, equals, value = line.removeprefix("export ").partition("=")
        if equals:
            values[name] = value.strip().strip("\"'")
    return values


def pid_of(state, name):
    return int(dict(pair.split("=") for pair in demo(state)["PLIMSOLL_PIDS"].split())[name])


def seen_requests(pid):
    """How many requests the simulated runtime with this process id has seen; it is found by its listening port."""
    words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    if b"--socket" in words:
        path = words[words.index(b"--socket") + 1].decode()
        text = subprocess.run(["curl", "-s", "--unix-socket", path, "http://runtime/_control"], capture_output=True, text=True, check=True).stdout
    else:
        port = words[words.index(b"--port") + 1].decode()
        text = urllib.request.urlopen(f"http://127.0.0.1:{port}/_control", timeout=2).read()
    return json.loads(text)["seen"]


def load(values, seconds):
    command = [
        sys.executable, "Tests/TestSupport/Python/load_client.py", "--url", values["PLIMSOLL_URL"], "--key", values["PLIMSOLL_API_KEY"], "--model",
        values["PLIMSOLL_MODEL"], "--customers", "30", "--seconds", str(seconds), "--max-tokens", "24",
    ]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def failover():
    """The last answer that was delayed or failed because of the lost agent ends the outage, as customers see it."""
    for name, number in (("killed", signal.SIGKILL), ("silent (SIGSTOP)", signal.SIGSTOP)):
        with tempfile.TemporaryDirectory(prefix="plimsoll-failover-") as state:
            os.chmod(state, 0o755)
            base = 24700
            dev(state, base, "--runtime", "simulated", "--detach")
            try:
                report(name, number, state)
            finally:
                dev(state, base, "--stop")


def report(name, number, state):
    process, endings, lock = load(demo(state), 20), [], threading.Lock()

    def collect():
        for line in process.stdout:
            event = json.loads(line)
            if event["event"] == "end":
                with lock:
                    endings.append((time.monotonic(), event))

    reader = threading.Thread(target=collect)
    reader.start()
    time.sleep(6)
    usual = sorted(event["seconds"] for _, event in endings)
    limit = usual[int(len(usual) * 0.99)] * 1.5
    agent, began = pid_of(state, "agent:alpha"), time.monotonic()
    os.kill(agent, number)
    reader.join()
    if number == signal.SIGSTOP:
        os.kill(agent, signal.SIGCONT)
    after = [(at, event) for at, event in endings if at >= began]
    lost = [event for _, event in after if event["outcome"] != "finished" and not event["first"]]
    touched = [at - event["seconds"] - began for at, event in after if event["outcome"] != "finished" or event["seconds"] > limit]
    last = max([started for started in touched if started > 0], default=0.0)
    told = sum(event["outcome"] == "error" for _, event in after)
    print(f"agent {name}: last request that was sent its way began {last:.2f} s after; {len(after)} answers since, "
          f"{len(lost)} lost without a token, {told} told of the loss in their stream")


def second_start():
    with tempfile.TemporaryDirectory(prefix="plimsoll-start-") as state:
        os.chmod(state, 0o755)
        base = 24900
        for name in ("first", "second", "third"):
            began = time.monotonic()
            subprocess.run(["Deploy/demo", "--detach"], env=environment(state, base), check=True, stdout=subprocess.DEVNULL)
            print(f"{name} start of the demo: {time.monotonic() - began:.1f} s to ready")
            subprocess.run(["Deploy/demo", "--stop"], env=environment(state, base), check=True, stdout=subprocess.DEVNULL)


def ask(values, method, path, body=None):
    headers = {"Authorization": f"Bearer {values['PLIMSOLL_ADMIN_TOKEN']}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{values['PLIMSOLL_ADMIN_URL']}/admin/v1/{path}", None if body is None else json.dumps(body).encode(), headers, method=method)
    return urllib.request.urlopen(request, timeout=20).read()


def seconds(microseconds):
    return "not" if microseconds is None else f"{microseconds / 1e6:.1f} s"


def drill():
    """How soon the loss of a provider, and a worker that answers wrong, are noticed, and when the answer to it is in the gateways' tables: at the usual
    pace of probes, without and under load. Only what is taken back afterwards is hurried."""
    with tempfile.TemporaryDirectory(prefix="plimsoll-drill-") as state:
        os.chmod(state, 0o755)
        base = 24500
        dev(state, base, "--runtime", "simulated", "--detach")
        try:
            values = demo(state)
            ask(values, "PATCH", "mitigation-policy", {"hold_seconds": 10, "clean_minutes": 1})
            for kind, lines in DRILLS:
                one_drill(values, kind, lines)
                # What is open goes on as the same when it comes again, and its beginning is what is measured.
                for incident in json.loads(ask(values, "GET", "incidents?limit=100"))["data"]:
                    if not incident["resolved_at"]:
                        ask(values, "POST", f"incidents/{incident['id']}/resolve", {"reason": "the drill is over"})
        finally:
            dev(state, base, "--stop")
    goals.end()


def one_drill(values, kind, lines):
    # It begins when what the one before took back may be done again.
    command = [PROGRAM, "drill", kind, "--seconds", "75", "--load", str(lines), "--wait", "--output", "json"]
    done = subprocess.run(command, env=os.environ | values, capture_output=True, text=True, timeout=1200)
    if done.returncode not in (0, 1, 2):
        sys.exit(f"{kind} could not be run: {done.stderr}")
    drill = json.loads(done.stdout)
    report, name = drill["report"], f"{kind}, {lines} at a time"
    print(f"{name}: noticed after {seconds(report['detected_after_us'])} by {report['detected_by']}, in force at all gateways {seconds(report['mitigated_after_us'])} "
          f"later, taken back after {seconds(report['reverted_after_us'])}; {report['requests']} requests, {report['requests_lost']} lost, "
          f"{report['requests_moved']} moved: {drill['state']}{''.join(f'; {why}' for why in report['failures'] + report['gaps'])}", flush=True)
    detected = report["detected_after_us"]
    goals.hold(f"{name}: noticed", float("inf") if detected is None else detected / 1e6, 60, "s")
    goals.hold(f"{name}: in force at all gateways after that", (report["mitigated_after_us"] or 0) / 1e6, 5, "s")
    # Without load it is unproven at best, since no request meets it.
    if drill["state"] == "failed":
        goals.missed.append(f"{name}: the promise")
