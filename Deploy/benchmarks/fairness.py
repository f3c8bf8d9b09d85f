"""Quiet tenants alone, then beside a noisy one that asks for everything: what it moves their time to the first token by."""
import argparse
import asyncio
import random
import time

import goals
import pool

QUIET = [f"quiet-{number}" for number in range(3)]
NOISY = "noisy"
# Of a whole answer, on average: half to one and a half times as many.
TOKENS = 40


async def steady(options, tenant, end, seed, samples):
    """Open loop: requests of one tenant, at the same times whoever else asks."""
    times = random.Random(seed)
    asked = []
    while time.monotonic() < end:
        asked.append(asyncio.create_task(pool.ask(options, tenant, times.randint(TOKENS // 2, TOKENS * 3 // 2))))
        await asyncio.sleep(times.expovariate(options.rate))
    samples += await asyncio.gather(*asked)


async def greedy(options, end, samples):
    """One connection that asks again whenever it is answered, or refused."""
    while time.monotonic() < end:
        samples.append(await pool.ask(options, NOISY, random.randint(TOKENS // 2, TOKENS * 3 // 2)))
        if samples[-1][0] != "answered":
            await asyncio.sleep(0.3)


async def drive(options, noisy):
    end = time.monotonic() + options.seconds
    quiet, loud = [], []
    await asyncio.gather(
        *[steady(options, tenant, end, number, quiet) for number, tenant in enumerate(QUIET)], *[greedy(options, end, loud) for _ in range(noisy)])
    return quiet, loud


def show(options, name, quiet, loud):
    # Who was refused has waited for ever.
    firsts = [first if outcome == "answered" else float("inf") for outcome, first in quiet]
    p50, p95, p99 = (pool.percentile(firsts, share) * 1000 for share in (0.5, 0.95, 0.99))
    answered = sum(outcome == "answered" for outcome, _ in quiet)
    print(
        f"{name:<24}{answered:>6} of {len(quiet):<6}{p50:>8.0f}{p95:>8.0f}{p99:>8.0f} ms"
        f"{sum(outcome == 'answered' for outcome, _ in loud) / options.seconds:>10.1f}/s")
    return p95


def measure(options, slots):
    options.slots = slots
    hold = (options.first_token + options.gap * TOKENS) / 1000
    places = slots * options.workers
    used = len(QUIET) * options.rate * hold
    print(f"\n{places} slots, of which three quiet tenants use {used:.1f} ({used / places:.0%}); all can do {places / hold:.0f} answers/s")
    print(f"{'':<24}{'answered':>16}{'p50':>8}{'p95':>8}{'p99':>8}{'noisy':>15}")
    with pool.running(options, {"pro": {}}, {"pro": QUIET + [NOISY]}):
        alone = show(options, "alone", *asyncio.run(drive(options, 0)))
        beside = show(options, f"beside {options.noisy} connections", *asyncio.run(drive(options, options.noisy)))
    goals.hold(f"p95 beside the noisy one to alone, {places} slots", beside / alone, options.goal, "times")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    pool.add_options(parser, workers=4, slots=0, gap=40, first_token=250)
    parser.add_argument("--rate", type=float, default=3, help="requests a second of each quiet tenant")
    parser.add_argument("--noisy", type=int, default=300, help="connections of the noisy tenant")
    parser.add_argument("--goal", type=float, default=1.2, help="times that the quiet tenants' p95 may rise")
    parser.add_argument("--seconds", type=float, default=60, help="alone, and beside it")
    parser.add_argument("--fairness", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    for slots in [options.slots] if options.slots else [32, 8]:
        measure(options, slots)
    goals.end()


main()
