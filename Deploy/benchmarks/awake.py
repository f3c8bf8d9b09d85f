"""Keeps a processor from sleeping, at a priority that yields to everything else: `python3 awake.py CORE`, until its parent is gone.

A virtual processor that has nothing to do is given to others by the hypervisor, and comes back up to milliseconds after it is woken. Whoever is
measured waits for that at every event, and a p99 tells of the hypervisor.
"""
import os
import sys


def main():
    parent = os.getppid()
    os.sched_setaffinity(0, {int(sys.argv[1])})
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    while os.getppid() == parent:
        for _ in range(1_000):
            # A kernel that is not preempted otherwise lets it run to its next tick, now and then, while others could.
            os.sched_yield()


if __name__ == "__main__":
    main()
