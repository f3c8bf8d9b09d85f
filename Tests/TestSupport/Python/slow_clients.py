"""Slow customers beside quick ones. usage: slow_clients.py PORT KEY MODEL MODE COUNT; prints one JSON object of findings.

MODE: `drip` (heads, bodies and answers that are never read, in turns), `idle` (connections that say nothing), `flood` (more connections than fit,
beside a stream that must end), `large` (bodies of 6 MiB that never end, many at once), `hold` (connections that have been answered once and are asked again at the end; one more argument: the operations port).
"""
import asyncio
import json
import sys
import time
import urllib.request

port, key, model, mode, count = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5])
auth = f"authorization: Bearer {key}\r\ncontent-type: application/json\r\n"


def post(tokens, stream=False):
    body = json.dumps({"model": model, "max_tokens": 4000, "stream": stream, "messages": [{"role": "user", "content": f"[[tokens {tokens}]]"}]})
    return f"POST /v1/chat/completions HTTP/1.1\r\nhost: t\r\n{auth}content-length: {len(body)}\r\n\r\n{body}".encode()


async def ask(reader, writer, tokens=1):
    writer.write(post(tokens))
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[16:]) for line in head.decode().split("\r\n") if line.startswith("content-length: "))
    await reader.readexactly(length)
    return head.startswith(b"HTTP/1.1 200")


async def quick(times=150):
    """Seconds of requests one after the other on one connection: the 99th percentile."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    taken = []
    for _ in range(times):
        start = time.monotonic()
        async with asyncio.timeout(30):
            if not await ask(reader, writer):
                raise RuntimeError("a quick request was refused")
        taken.append(time.monotonic() - start)
    writer.close()
    return sorted(taken)[int(times * 0.99)]


async def slow(number, ended):
    """Ends when the gateway closes the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
    kinds = [b"POST /v1/chat/completions HTTP/1.1\r\nhost: t\r\nx: ",
             f"POST /v1/chat/completions HTTP/1.1\r\nhost: t\r\n{auth}content-length: 4000\r\n\r\n{{".encode(), post(50, stream=True)]
    kind = number % 3
    writer.write(kinds[kind])
    try:
        while kind < 2 and not reader.at_eof():
            writer.write(b" ")
            await writer.drain()
            try:
                # Not wait_for: up to Python 3.11 it loses a cancellation that comes with its result, and the task would go on for an hour.
                async with asyncio.timeout(1):
                    await reader.read(512)
            except TimeoutError:
                continue
        if kind == 2:
            while not reader.at_eof():
                await asyncio.sleep(0.5)
                async with asyncio.timeout(10):
                    await reader.read(1)
    except (OSError, TimeoutError):
        pass
    ended.append(kind)
    writer.close()


async def drip():
    before = await quick()
    ended = []
    tasks = [asyncio.create_task(slow(number, ended)) for number in range(count)]
    await asyncio.sleep(1)
    during = await quick()
    deadline = time.monotonic() + 30
    while sum(kind < 2 for kind in ended) < sum(n % 3 < 2 for n in range(count)) and time.monotonic() < deadline:
        await asyncio.sleep(0.2)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return {"before": before, "during": during, "heads": ended.count(0), "bodies": ended.count(1), "after": await quick()}


async def idle():
    before = await quick()
    held = []
    for start in range(0, count, 200):
        held += await asyncio.gather(*[asyncio.open_connection("127.0.0.1", port) for _ in range(min(200, count - start))])
    during = await quick()
    deadline = time.monotonic() + 40
    # Each is closed when its time is over.
    closed = await asyncio.gather(*[asyncio.wait_for(reader.read(1), deadline - time.monotonic()) for reader, _ in held], return_exceptions=True)
    return {"before": before, "during": during, "closed": sum(data == b"" for data in closed)}


def resident():
    """Bytes that the gateway has."""
    page = urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[6]}/metrics", timeout=20).read().decode()
    return int(float(next(line.split()[1] for line in page.splitlines() if line.startswith("process_resident_memory_bytes "))))


async def listed(reader, writer):
    writer.write(f"GET /v1/models HTTP/1.1\r\nhost: t\r\n{auth}\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(next(int(line[16:]) for line in head.decode().split("\r\n") if line.startswith("content-length: ")))
    return head.startswith(b"HTTP/1.1 200")


async def hold():
    """A first thousand warms what is there once."""
    held, empty = [], 0
    for start in range(0, count, 200):
        if start == 1000:
            empty = resident()
        some = await asyncio.gather(*[asyncio.open_connection("127.0.0.1", port) for _ in range(200)])
        if not all(await asyncio.gather(*[listed(*pair) for pair in some])):
            raise RuntimeError("a request was refused")
        held += some
    full = resident()
    answered = 0
    for start in range(0, count, 500):
        answered += sum(await asyncio.gather(*[listed(*pair) for pair in held[start : start + 500]]))
    return {"answered": answered, "resident": full, "each": (full - empty) // (count - 1000)}


async def flood():
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
    writer.write(post(1500, stream=True))
    await reader.readuntil(b"data: ")
    held = await asyncio.gather(*[asyncio.open_connection("127.0.0.1", port) for _ in range(count)])
    rest = await reader.readuntil(b"data: [DONE]\n\n")
    for _, other in held:
        other.close()
    writer.close()
    return {"tokens": rest.count(b"data: {"), "after": await quick(20)}


async def heavy(answers):
    """A body that is all but sent. What comes back is kept; the connection stays until it is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    size = 6 << 20
    try:
        writer.write(f"POST /v1/chat/completions HTTP/1.1\r\nhost: t\r\n{auth}content-length: {size + 1}\r\n\r\n".encode())
        writer.write(b" " * size)
        head = await reader.readuntil(b"\r\n\r\n")
        answers.append(head[9:12].decode())
    except (OSError, asyncio.IncompleteReadError):
        answers.append("reset")
    writer.close()


async def answered():
    """Until memory is seen to be free again, quick requests are refused, too."""
    while True:
        try:
            return await quick(5)
        except RuntimeError:
            await asyncio.sleep(0.1)


async def large():
    """While some are still held, a quick request is answered: those that were refused have made room for it."""
    answers = []
    tasks = [asyncio.create_task(heavy(answers)) for _ in range(count)]
    deadline = time.monotonic() + 60
    while not answers and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
    async with asyncio.timeout(60):
        after = await answered()
    held = sum(not task.done() for task in tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    return {"refused": answers.count("503"), "reset": answers.count("reset"), "held": held, "after": after}


print(json.dumps(asyncio.run({"large": large, "drip": drip, "idle": idle, "flood": flood, "hold": hold}[mode]())))
