"""What processes use, out of /proc, and how busy the machine is."""
import contextlib
import os
import pathlib
import socket
import subprocess
import sys
import time

TICKS = os.sysconf("SC_CLK_TCK")
# The processes that keep the processors awake. Their work is nobody's.
keepers = []


@contextlib.contextmanager
def kept_awake():
    """No processor sleeps for as long as the block lasts (`awake.py`)."""
    program = str(pathlib.Path(__file__).with_name("awake.py"))
    for core in os.sched_getaffinity(0):
        keepers.append(subprocess.Popen([sys.executable, program, str(core)]))
    try:
        yield
    finally:
        while keepers:
            keeper = keepers.pop()
            keeper.kill()
            keeper.wait()


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


def memory_kib(root, field="VmRSS"):
    """Resident memory of a process and its children: now, or at most since `forget_peak` with VmHWM."""
    total = 0
    for pid in family(root):
        try:
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            total += int(status.split(field + ":")[1].split()[0])
        except (OSError, IndexError):
            continue
    return total


def proportional_kib(root):
    """Resident memory of a process and its children, in which each page that several of them share counts once in all: the kernel splits it between them."""
    total = 0
    for pid in family(root):
        try:
            rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(rollup.split("\nPss:")[1].split()[0])
        except (OSError, IndexError):
            continue
    return total


def busy_seconds():
    """What all processors of the machine have worked so far, but for what kept them awake."""
    fields = [int(field) for field in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS - sum(cpu_seconds(keeper.pid) for keeper in keepers)


def wait_until_quiet(share=0.15, most=8):
    """Others may work on this machine: waits for them, but not for ever."""
    end = time.monotonic() + most
    while time.monotonic() < end:
        before = busy_seconds()
        time.sleep(0.4)
        if (busy_seconds() - before) / 0.4 / os.cpu_count() <= share:
            return


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
