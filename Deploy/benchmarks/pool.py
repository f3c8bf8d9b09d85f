"""A real gateway before simulated runtimes, by a standalone file, and streams that it is asked for: what benches of its queue share."""
import asyncio
import contextlib
import json
import pathlib
import random
import signal
import subprocess
import tempfile
import time

MODEL = "simulated"


def add_options(parser, *, workers, slots, gap, first_token):
    parser.add_argument("--build", default=".build/release")
    parser.add_argument("--port", type=int, default=18800)
    parser.add_argument("--workers", type=int, default=workers)
    parser.add_argument("--slots", type=int, default=slots)
    parser.add_argument("--first-token", type=float, default=first_token, help="milliseconds to the first token")
    parser.add_argument("--gap", type=float, default=gap, help="milliseconds between tokens")


def standalone(options, run, ports, tiers, tenants):
    """Tiers by name, and their tenants' names; limits that nobody reaches."""
    limits = {
        "max_prompt_tokens": 100000, "max_output_tokens": 1000, "max_body_bytes": 1 << 20, "requests_per_minute": 1000000,
        "tokens_per_minute": 1000000000, "concurrent_requests": 100000,
    }
    keys = [{"name": name, "tier": tier, "key": f"sk-{name}"} for tier, names in tenants.items() for name in names]
    upstreams = [{"url": f"http://127.0.0.1:{port}", "provider": f"p{port}", "slots": options.slots} for port in ports]
    return {
        "listen": f"127.0.0.1:{options.port}", "operations": {"listen": f"unix:{run}/operations.sock"}, "state_dir": f"{run}/state", "loops": 1,
        "tiers": [{"name": name} | limits | tier for name, tier in tiers.items()], "keys": keys,
        "models": [{"name": MODEL, "context_tokens": 32000, "upstreams": upstreams}],
    }


def runtime(options, port):
    return subprocess.Popen(
        [
            f"{options.build}/plimsoll-simulated-runtime", "--port", str(port), "--slots", str(options.slots), "--kv-tokens", "10000000",
            "--first-token-ms", f"{options.first_token:g}", "--token-gap-ms", f"{options.gap:g}",
        ],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@contextlib.contextmanager
def running(options, tiers, tenants):
    """The gateway and its runtimes, for as long as the block lasts."""
    ports = [options.port + 1 + number for number in range(options.workers)]
    with tempfile.TemporaryDirectory() as run:
        settings = pathlib.Path(run, "standalone.json")
        settings.write_text(json.dumps(standalone(options, run, ports, tiers, tenants)))
        settings.chmod(0o600)
        programs = [runtime(options, port) for port in ports]
        try:
            programs.append(
                subprocess.Popen([f"{options.build}/plimsoll-gateway", "serve", "--standalone", str(settings), "--log-level", "error"]))
            time.sleep(2)
            yield
        finally:
            for program in programs:
                program.send_signal(signal.SIGTERM)
            for program in programs:
                program.wait(30)


async def ask(options, tenant, tokens):
    """One stream: its outcome, and after how many seconds its first token or its refusal came."""
    begun = time.monotonic()
    body = json.dumps({"model": MODEL, "stream": True, "max_tokens": tokens, "messages": [{"role": "user", "content": f"{random.random()} " * 20}]})
    outcome, first = "failed", None
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", options.port)
        writer.write(
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: g\r\nauthorization: Bearer sk-{tenant}\r\ncontent-type: application/json\r\n"
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
    return outcome, first if outcome == "answered" else time.monotonic() - begun


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")
