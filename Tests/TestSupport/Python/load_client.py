#!/usr/bin/env python3
"""Customers under load: each asks again and again until told to stop, and writes down what it saw. Standard library only, loopback only, bounded.

Writes JSON lines to standard output: {"event":"first","id":…} when an answer shows its first token, and for each request that ended
{"event":"end","id":…,"outcome":…,"status":…,"first":bool,"tokens":N,"seconds":S,"detail":…}. Outcomes:
  finished   the answer came whole ([DONE], or a whole JSON body)
  refused    a status other than 200, before any token
  error      an error event inside the stream
  cut        the stream ended without [DONE] and without an error
  unanswered no response head at all
Reading the end of standard input means: start no more requests; those under way finish. At most --seconds are spent in any case.
"""
import argparse
import asyncio
import json
import sys
import time
import urllib.parse


def say(**fields):
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


class Customer:
    def __init__(self, options, number):
        self.options, self.number = options, number
        self.url = urllib.parse.urlparse(options.url)

    def request(self, turn):
        options = self.options
        body = {
            "model": options.model,
            "max_tokens": options.max_tokens,
            "messages": [{"role": "user", "content": f"{options.prompt} customer {self.number} turn {turn}"}],
        }
        if not options.plain:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        text = json.dumps(body).encode()
        head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: {self.url.netloc}\r\nAuthorization: Bearer {options.key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(text)}\r\nConnection: close\r\n\r\n"
        )
        return head.encode() + text

    async def ask(self, turn):
        seen = {"id": None, "status": None, "first": False, "text": b"", "detail": ""}
        began = time.monotonic()
        writer = None
        try:
            reader, writer = await asyncio.wait_for(asyncio.open_connection(self.url.hostname, self.url.port), 5)
            writer.write(self.request(turn))
            await self.read(reader, seen)
        except (OSError, asyncio.TimeoutError, ValueError, IndexError) as error:
            seen["detail"] = type(error).__name__
        finally:
            if writer:
                writer.close()
        self.report(seen, time.monotonic() - began)
        return seen["status"] == 200

    async def read(self, reader, seen):
        limit = self.options.timeout
        line = await asyncio.wait_for(reader.readline(), limit)
        seen["status"] = int(line.split()[1])
        while (line := await asyncio.wait_for(reader.readline(), limit)) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            if name.lower() == b"x-request-id":
                seen["id"] = value.strip().decode()
        while part := await asyncio.wait_for(reader.read(65536), limit):
            seen["text"] += part
            if not seen["first"] and seen["status"] == 200 and b'"content":"' in seen["text"].replace(b'"content":""', b""):
                seen["first"] = True
                say(event="first", id=seen["id"])

    def report(self, seen, seconds):
        text = seen["text"].decode("utf-8", "replace")
        say(
            event="end", id=seen["id"], outcome=self.outcome(seen, text), status=seen["status"], first=seen["first"],
            tokens=text.count('"content":"') - text.count('"content":""'), seconds=round(seconds, 3),
            detail=seen["detail"] or (text[:300] if seen["status"] != 200 else ""),
        )

    def outcome(self, seen, text):
        if seen["status"] is None:
            return "unanswered"
        if seen["status"] != 200:
            return "refused"
        if "data: [DONE]" in text or (self.options.plain and '"usage"' in text and not seen["detail"]):
            return "finished"
        return "error" if '"error"' in text else "cut"

    async def live(self, stop, end):
        turn = 0
        while not stop.is_set() and time.monotonic() < end and (not self.options.turns or turn < self.options.turns):
            turn += 1
            if not await self.ask(turn):
                await asyncio.sleep(0.05)  # a server that is down is not hammered


async def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--customers", type=int, default=40)
    parser.add_argument("--turns", type=int, default=0, help="requests of each customer; 0: until told to stop")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--max-tokens", type=int, default=40)
    parser.add_argument("--prompt", default="Say something to")
    parser.add_argument("--plain", action="store_true", help="not streamed")
    parser.add_argument("--timeout", type=float, default=20)
    options = parser.parse_args()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def told():
        if not sys.stdin.buffer.read1(4096):
            loop.remove_reader(sys.stdin.fileno())
            stop.set()

    loop.add_reader(sys.stdin.fileno(), told)
    end = time.monotonic() + min(options.seconds, 900)
    await asyncio.gather(*(Customer(options, number).live(stop, end) for number in range(options.customers)))


asyncio.run(main())
