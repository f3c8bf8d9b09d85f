"""How long the machine itself was slow: a virtual processor may be taken away without a word, and `foreign` then tells of nobody.

Run on the core in question (`taskset -c 1 python3 slow_stretches.py 4`), with nothing else at work: prints JSON of the share of the time in which
fixed work took more than three times as long as usual, and of the longest stretch of it in milliseconds.
"""
import json
import statistics
import sys
import time

SLOW = 3
# Slow pieces of work with less than this between them are one stretch.
TOGETHER_SECONDS = 0.002


def pieces(seconds):
    """The moments between equal pieces of work of some 20 microseconds each."""
    moments = [time.perf_counter()]
    while moments[-1] - moments[0] < seconds:
        for _ in range(1000):
            pass
        moments.append(time.perf_counter())
    return moments


def slow_stretches(moments):
    took = [after - before for before, after in zip(moments, moments[1:])]
    usual = statistics.median(took)
    stretches = []
    for began, duration in zip(moments, took):
        if duration <= SLOW * usual:
            continue
        if stretches and began - stretches[-1][1] < TOGETHER_SECONDS:
            stretches[-1][1] = began + duration
        else:
            stretches.append([began, began + duration])
    lengths = [end - began for began, end in stretches]
    return {"share": sum(lengths) / (moments[-1] - moments[0]), "longest_ms": max(lengths, default=0) * 1000}


if __name__ == "__main__":
    print(json.dumps(slow_stretches(pieces(float(sys.argv[1])))))
