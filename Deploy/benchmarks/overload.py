"""A real gateway before simulated runtimes, driven from half of their capacity to three times it by tenants of three tiers; then the load goes."""
import argparse
import asyncio
import collections
import random
import time

import goals
import pool

# At three times the capacity paid tiers ask for three quarters of it: who sells more than there is cannot keep its promise by any policy.
TIERS = {
    "business": {"priority": 30, "protected": True, "share": 0.08, "burst_percent": 5},
    "pro": {"priority": 20, "protected": True, "share": 0.17, "burst_percent": 5},
    "hobby": {"priority": 10, "share": 0.75},
}
OBJECTIVE = 1.5
TENANTS = 3


async def sample(options, tier, samples):
    begun = time.monotonic()
    outcome, first = await pool.ask(options, f"{tier}-{random.randrange(TENANTS)}", options.tokens)
    samples.append((begun, tier, outcome, first))


async def drive(options, factor, seconds, samples):
    """Open loop: arrivals do not wait for answers."""
    rate = capacity(options) * factor
    due, end = time.monotonic(), time.monotonic() + seconds
    running = set()
    while due < end:
        due += random.expovariate(rate)
        await asyncio.sleep(max(0, due - time.monotonic()))
        tier = random.choices(list(TIERS), [tier["share"] for tier in TIERS.values()])[0]
        task = asyncio.create_task(sample(options, tier, samples))
        running.add(task)
        task.add_done_callback(running.discard)
    return running


def capacity(options):
    """Requests a second."""
    return options.workers * options.slots / (options.first_token / 1000 + (options.tokens - 1) * options.gap / 1000)


def goodput(samples, begin, end):
    good = [sample for sample in samples if sample[2] == "answered" and sample[3] <= OBJECTIVE and begin <= sample[0] < end]
    return len(good) / (end - begin)


def show(name, samples, begin, end):
    inside = [sample for sample in samples if begin <= sample[0] < end]
    print(f"{name:<28}{goodput(samples, begin, end):>8.1f}/s", end="")
    for tier in TIERS:
        own = [sample for sample in inside if sample[2 - 1] == tier]
        # Who was refused has waited for ever.
        firsts = [sample[3] if sample[2] == "answered" else float("inf") for sample in own]
        share = sum(sample[2] == "answered" for sample in own) / len(own) if own else float("nan")
        print(f"   {share:>5.0%} {pool.percentile(firsts, 0.95):>6.2f} s", end="")
    counts = collections.Counter(sample[2] for sample in inside)
    refusals = [sample[3] for sample in inside if sample[2] == "refused"]
    print(f"   {counts['failed']:>4}   {pool.percentile(refusals, 0.5) * 1000:>6.1f} ms")


async def measure(options):
    print(f"capacity {capacity(options):.1f} requests/s; of each tier: answered, p95 to the first token; then failures, median time of a refusal")
    print(f"{'load':<28}{'goodput':>10}" + "".join(f"   {tier:>14}" for tier in TIERS) + "   failed   refusal")
    samples, warm = [], options.warm
    running = set()
    for factor in (0.5, 1.0, 3.0, 0.5):
        begin = time.monotonic()
        running |= await drive(options, factor, options.seconds, samples)
        await asyncio.sleep(0)
        options.phases.append((factor, begin, time.monotonic()))
    await asyncio.gather(*running)
    for number, (factor, begin, end) in enumerate(options.phases):
        show(f"{factor:g} of capacity" + (", afterwards" if number == 3 else ""), samples, begin + warm, end)
    _, begin, end = options.phases[-1]
    calm = goodput(samples, options.phases[0][1] + warm, options.phases[0][2])
    back = next((second for second in range(int(end - begin)) if goodput(samples, begin + second, begin + second + 2) >= 0.8 * calm), None)
    print(f"after the step the goodput was back within {back} s" if back is not None else "after the step the goodput did not come back")
    _, begin, end = options.phases[2]
    judge(options, samples, begin + warm, end, back)


def judge(options, samples, begin, end, back):
    """At three times the capacity, and after it."""
    goals.hold("goodput at three times the capacity", goodput(samples, begin, end) / capacity(options), options.goal_goodput, "of capacity", at_least=True)
    for name in (name for name, tier in TIERS.items() if tier.get("protected")):
        own = [sample for sample in samples if sample[1] == name and begin <= sample[0] < end]
        firsts = [sample[3] if sample[2] == "answered" else float("inf") for sample in own]
        goals.hold(f"p95 of {name} to the first token, refused ones as well", pool.percentile(firsts, 0.95), options.goal_first_token, "s")
    goals.hold("goodput back after the step", float("nan") if back is None else back, options.goal_back, "s")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    pool.add_options(parser, workers=2, slots=16, gap=50, first_token=100)
    parser.add_argument("--tokens", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=30, help="for each load")
    parser.add_argument("--warm", type=float, default=5, help="seconds at the beginning of each load that are not counted")
    parser.add_argument("--goal-goodput", type=float, default=0.9, help="share of the capacity that is to be answered in time at three times the load")
    parser.add_argument("--goal-first-token", type=float, default=OBJECTIVE, help="seconds: p95 of the tiers that are protected")
    parser.add_argument("--goal-back", type=float, default=5, help="seconds after the step")
    parser.add_argument("--overload", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.phases = []
    tiers = {
        name: {key: value for key, value in tier.items() if key != "share"} | {"first_token_objective_milliseconds": int(OBJECTIVE * 1000)}
        for name, tier in TIERS.items()
    }
    with pool.running(options, tiers, {tier: [f"{tier}-{number}" for number in range(TENANTS)] for tier in TIERS}):
        asyncio.run(measure(options))
    goals.end()


main()
