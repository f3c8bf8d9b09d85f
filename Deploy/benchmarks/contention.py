"""What threads of the gateway wait for each other for: where it calls futex, and locks a mutex of libc's, with one event loop and with two under load.

A lock that is free costs no system call. Every wait for one, of Swift's `Mutex` and of libc's, is a `futex`, and so is every waking of who waits: perf takes the
stack of each. Mutexes of libc are counted also where they are free, by a probe on `pthread_mutex_lock`.
"""
import collections
import json
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

from machine import free_port, wait_until_quiet

HERE = pathlib.Path(__file__).parent
BENCH = ".build/release/plimsoll-bench"
KEY = "sk-bench-0123456789abcdef"
SECONDS = 3
# Free mutexes are locked often: one of so many is looked at.
EACH = 50
# perf finds its events in tracefs, which belongs to the kernel: mounted for it alone. A probe is taken away again.
TRACED = """
[ -e /sys/kernel/tracing/events ] || mount -t tracefs tracefs /sys/kernel/tracing
perf probe -q --del 'probe_libc:plimsoll*' 2>/dev/null
perf probe -q -x "$LIBC" plimsoll=pthread_mutex_lock || exit 1
perf record -q -e syscalls:sys_enter_futex --call-graph dwarf,4096 -c 1 -p "$PID" -o "$OUT" -- sleep "$SECONDS"
perf record -q -e probe_libc:plimsoll --call-graph dwarf,4096 -c "$EACH" -p "$PID" -o "$OUT.mutex" -- sleep "$SECONDS"
perf probe -q --del 'probe_libc:plimsoll*'
"""
# What stands between the caller and the kernel.
PLUMBING = re.compile(r"^(pthread_|__|_?syscall|futex|lll_|std::|swift_|_swift|clone|start_thread|\[unknown\])|7NIOLock|WorkAvailableV|withStatusRecordLock")


def gateway(loops, upstreams, folder):
    port = free_port()
    environment = os.environ | {
        "PORT": str(port), "KEY": KEY, "UP_A": str(upstreams[0]), "UP_B": str(upstreams[1]), "RUN": folder, "LOOPS": str(loops)}
    process = subprocess.Popen(["bash", str(HERE / "targets/plimsoll")], env=environment, start_new_session=True)
    body = json.dumps({"model": "mock-a", "max_tokens": 8, "messages": [{"role": "user", "content": "hi"}]}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/chat/completions", body, {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"})
    for _ in range(100):
        try:
            urllib.request.urlopen(request, timeout=5).read()
            return process, port
        except (OSError, urllib.error.URLError):
            time.sleep(0.1)
    raise SystemExit("the gateway does not answer")


def libc(pid):
    maps = pathlib.Path(f"/proc/{pid}/maps").read_text()
    return re.search(r"\S*/libc\.so\.6", maps)[0]


def load(port, seconds, *more):
    command = [BENCH, "load", "--port", str(port), "--key", KEY, "--connections", "64", "--seconds", str(seconds), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def callers(trace, each):
    """Who called, the first of ours on the stack -> how often."""
    text = subprocess.run(
        ["perf", "script", "-i", trace, "-F", "event,ip,sym", "--demangle"], capture_output=True, text=True, check=False).stdout
    found = collections.Counter()
    for block in text.split("\n\n"):
        lines = block.strip().splitlines()
        if not lines:
            continue
        names = [line.split(None, 1)[1] if " " in line.strip() else "" for line in lines[1:]]
        ours = next((name for name in names if name and not PLUMBING.search(name)), "outside this program")
        found[ours] += each
    return found


def plain(name):
    """Swift's names as a reader would say them."""
    symbol = name.split()[0].split("+")[0]
    done = subprocess.run(["swift", "demangle", "--simplified", "--compact", symbol], capture_output=True, text=True, check=False)
    return (done.stdout.strip() or name)[:120]


def measured(loops, upstreams, folder):
    process, port = gateway(loops, upstreams, folder)
    try:
        wait_until_quiet()
        load(port, 1).communicate()
        generators = [load(port, 2 * SECONDS + 3) for _ in range(loops)]
        time.sleep(0.5)
        trace = f"{folder}/trace"
        subprocess.run(
            ["unshare", "-m", "bash", "-c", TRACED], check=True,
            env=os.environ | {"LIBC": libc(process.pid), "PID": str(process.pid), "OUT": trace, "SECONDS": str(SECONDS), "EACH": str(EACH)})
        results = [json.loads(one.communicate()[0]) for one in generators]
        rate = sum(one["completed"] / one["seconds"] for one in results)
        return rate, {"futex": callers(trace, 1), "mutex of libc, free or not": callers(trace + ".mutex", EACH)}
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(10)


def main():
    upstreams = (free_port(), free_port())
    upstream = subprocess.Popen([BENCH, "upstream", "--port", str(upstreams[0]), "--port", str(upstreams[1])], stdout=subprocess.PIPE)
    upstream.stdout.readline()
    try:
        for loops in (1, 2):
            with tempfile.TemporaryDirectory(prefix="plimsoll-bench-") as folder:
                rate, found = measured(loops, upstreams, folder)
            thousands = rate * SECONDS / 1000
            print(f"\n{loops} event loop{'s' if loops > 1 else ''}, {rate:,.0f} requests a second while perf looked on")
            for event, counts in found.items():
                total = sum(counts.values())
                print(f"  {event}: {total / SECONDS:,.0f} a second, {total / thousands:.2f} for 1,000 requests")
                for name, count in counts.most_common(8):
                    print(f"    {count / thousands:8.2f}  {plain(name)}", flush=True)
    finally:
        upstream.kill()


main()
