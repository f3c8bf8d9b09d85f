"""A real gateway before simulated runtimes, driven from half of their capacity to three times it by tenants of three tiers; then the load goes."""
import argparse
import asyncio
import collections
import json
import pathlib
import random
import signal
import subprocess
import tempfile
import time

# At three times the capacity paid tiers ask for three quarters of it: who sells more than there is cannot keep its promise by any policy.
TIERS = {
    "business": {"priority": 30, "protected": True, "share": 0.08, "burst_percent": 5},
    "pro": {"priority": 20, "protected": True, "share": 0.17, "burst_percent": 5},
    "hobby": {"priority": 10, "share": 0.75},
}
OBJECTIVE = 1.5
TENANTS = 3


def standalone(options, run, ports):
    limits = {
        "max_prompt_tokens": 100000, "max_output_tokens": 1000, "max_body_bytes": 1 << 20, "requests_per_minute": 1000000,
        "tokens_per_minute": 1000000000, "concurrent_requests": 100000, "first_token_objective_milliseconds": int(OBJECTIVE * 1000),
    }
    tiers = [{"name": name} | limits | {key: value for key, value in tier.items() if key != "share"} for name, tier in TIERS.items()]
    keys = [{"name": f"{name}-{number}", "tier": name, "key": f"sk-{name}-{number}"} for name in TIERS for number in range(TENANTS)]
    upstreams = [{"url": f"http://127.0.0.1:{port}", "provider": f"p{port}", "slots": options.slots} for port in ports]
    return {
        "listen": f"127.0.0.1:{options.port}", "operations": {"listen": f"unix:{run}/operations.sock"}, "state_dir": f"{run}/state", "loops": 1,
        "tiers": tiers, "keys": keys, "models": [{"name": "simulated", "context_tokens": 32000, "upstreams": upstreams}],
    }


def runtimes(options):
    programs, ports = [], []
    for number in range(options.workers):
        port = options.port + 1 + number
        programs.append(
            subprocess.Popen(
                [
                    f"{options.build}/plimsoll-simulated-runtime", "--port", str(port), "--slots", str(options.slots), "--kv-tokens", "10000000",
                    "--first-token-ms", "100", "--token-gap-ms", str(options.gap),
                ],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        ports.append(port)
    return programs, ports


async def ask(options, tier, number, samples):
    """One stream; notes when it was asked for, and after how long its first token or its refusal came."""
    begun = time.monotonic()
    body = json.dumps({
        "model": "simulated", "stream": True, "max_tokens": options.tokens, "messages": [{"role": "user", "content": f"{random.random()} " * 20}],
    })
    outcome, first = "failed", None
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", options.port)
        writer.write(
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\nauthorization: Bearer sk-{tier}-{number}\r\ncontent-type: application/json\r\n"
            f"connection: close\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode())
        status = int((await reader.readline()).split()[1])
        outcome = "refused" if status == 429 else "failed"
        while line := await reader.readline():
            if first is None and b'"content":"' in line and b'"content":""' not in line:
                first = time.monotonic() - begun
            if b"[DONE]" in line:
                outcome = "answered"
        writer.close()
    except (OSError, IndexError, ValueError):
        pass
    samples.append((begun, tier, outcome, first if outcome == "answered" else time.monotonic() - begun))


async def drive(options, factor, seconds, samples):
    """Open loop: arrivals do not wait for answers."""
    rate = capacity(options) * factor
    due, end = time.monotonic(), time.monotonic() + seconds
    running = set()
    while due < end:
        due += random.expovariate(rate)
        await asyncio.sleep(max(0, due - time.monotonic()))
        tier = random.choices(list(TIERS), [tier["share"] for tier in TIERS.values()])[0]
        task = asyncio.create_task(ask(options, tier, random.randrange(TENANTS), samples))
        running.add(task)
        task.add_done_callback(running.discard)
    return running


def capacity(options):
    """Requests a second."""
    return options.workers * options.slots / (0.1 + (options.tokens - 1) * options.gap / 1000)


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


def goodput(samples, begin, end):
    good = [sample for sample in samples if sample[2] == "answered" and sample[3] <= OBJECTIVE and begin <= sample[0] < end]
    return len(good) / (end - begin)


def show(name, samples, begin, end):
    inside = [sample for sample in samples if begin <= sample[0] < end]
    print(f"{name:<28}{goodput(samples, begin, end):>8.1f}/s", end="")
    for tier in TIERS:
        own = [sample for sample in inside if sample[2 - 1] == tier]
        answered = [sample[3] for sample in own if sample[2] == "answered"]
        share = len(answered) / len(own) if own else float("nan")
        print(f"   {share:>5.0%} {percentile(answered, 0.95):>6.2f} s", end="")
    counts = collections.Counter(sample[2] for sample in inside)
    refusals = [sample[3] for sample in inside if sample[2] == "refused"]
    print(f"   {counts['failed']:>4}   {percentile(refusals, 0.5) * 1000:>6.1f} ms")


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


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", default=".build/release")
    parser.add_argument("--port", type=int, default=18800)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--slots", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=20)
    parser.add_argument("--gap", type=float, default=50, help="milliseconds between tokens")
    parser.add_argument("--seconds", type=float, default=30, help="for each load")
    parser.add_argument("--warm", type=float, default=5, help="seconds at the beginning of each load that are not counted")
    parser.add_argument("--overload", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.phases = []
    with tempfile.TemporaryDirectory() as run:
        programs, ports = runtimes(options)
        settings = pathlib.Path(run, "standalone.json")
        settings.write_text(json.dumps(standalone(options, run, ports)))
        settings.chmod(0o600)
        try:
            programs.append(
                subprocess.Popen([f"{options.build}/plimsoll-gateway", "serve", "--standalone", str(settings), "--log-level", "warning"]))
            time.sleep(2)
            asyncio.run(measure(options))
        finally:
            for program in programs:
                program.send_signal(signal.SIGTERM)
            for program in programs:
                program.wait(30)


main()
