"""What a customer does over TLS: usage: tls_client.py PORT KEY MODEL CHAIN [probe]; prints one JSON object of findings.

The official `openai` package over HTTP/2 and over HTTP/1.1, curl, and what the port offers of TLS.
"""
import asyncio
import hashlib
import json
import socket
import ssl
import subprocess
import sys
import time
import warnings

import httpx2
import openai

port, key, model, chain = sys.argv[1:5]
is_probe = len(sys.argv) > 5
url = f"https://localhost:{port}"
trust = ssl.create_default_context(cafile=chain)
messages = [{"role": "user", "content": "[[tokens 5]]"}]
found = {}


def offered(lowest=None, highest=None, alpn=("h2", "http/1.1")):
    """(version, cipher, protocol, hash of the certificate), or the name of the error."""
    context = ssl.create_default_context(cafile=chain)
    context.set_alpn_protocols(list(alpn))
    if is_probe:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        if lowest:
            context.minimum_version, context.maximum_version = lowest, highest
    try:
        with socket.create_connection(("127.0.0.1", int(port)), 10) as plain, context.wrap_socket(plain, server_hostname="localhost") as secure:
            return [secure.version(), secure.cipher()[0], secure.selected_alpn_protocol(), hashlib.sha256(secure.getpeercert(True)).hexdigest()]
    except ssl.SSLError as error:
        return [type(error).__name__]


async def at_once(http2, count):
    """Completion tokens of so many requests, 20 at a time. Not with threads: there httpcore sends streams out of their order, which ends a connection."""
    turn = asyncio.Semaphore(20)
    async with httpx2.AsyncClient(http2=http2, verify=trust) as http:
        client = openai.AsyncOpenAI(base_url=url + "/v1", api_key=key, max_retries=0, timeout=30, http_client=http)

        async def one():
            async with turn:
                return (await client.chat.completions.create(model=model, messages=messages)).usage.completion_tokens

        return await asyncio.gather(*[one() for _ in range(count)])


V = ssl.TLSVersion
found["default"] = offered()
found["tls12"] = offered(V.TLSv1_2, V.TLSv1_2)
found["tls11"] = offered(V.TLSv1_1, V.TLSv1_1)
found["http11"] = offered(alpn=("http/1.1",))[2]
found["other"] = offered(alpn=("spdy/3",))[2:3]
if is_probe:
    print(json.dumps(found))
    sys.exit()

with socket.create_connection(("127.0.0.1", int(port)), 10) as plain:
    plain.sendall(b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n")
    # An alert of TLS at most, and the end.
    found["plain"] = b"HTTP" not in b"".join(iter(lambda: plain.recv(4096), b""))

for name, http2 in (("h2", True), ("h1", False)):
    seen = []
    http = httpx2.Client(http2=http2, verify=trust, event_hooks={"response": [lambda r: seen.append(r.http_version)]})
    client = openai.OpenAI(base_url=url + "/v1", api_key=key, max_retries=0, timeout=30, http_client=http)
    answer = client.chat.completions.create(model=model, messages=messages)
    chunks = [c for c in client.chat.completions.create(model=model, messages=messages, stream=True, stream_options={"include_usage": True})]
    many = asyncio.run(at_once(http2, 60))
    long = "word " * 400_000
    large = client.chat.completions.create(model=model, messages=[{"role": "user", "content": long}, *messages])
    left = client.chat.completions.create(model=model, messages=[{"role": "user", "content": "[[tokens 3000]]"}], stream=True)
    next(iter(left))
    left.close()
    try:
        client.chat.completions.create(model="none", messages=messages)
    except openai.NotFoundError as error:
        found[name + "_error"] = error.code
    found[name] = {
        "versions": sorted(set(seen)), "tokens": answer.usage.completion_tokens, "usage": chunks[-1].usage.completion_tokens,
        "many": sorted(set(many)), "large": large.usage.completion_tokens, "models": [m.id for m in client.models.list()],
    }
    client.close()

common = ["curl", "-sS", "--cacert", chain, "-H", f"Authorization: Bearer {key}", "-o", "/dev/null", "-w", "%{http_version} %{response_code}"]
found["curl"] = [subprocess.run([*common, flag, url + "/v1/models"], capture_output=True, text=True).stdout for flag in ("--http2", "--http1.1")]
start = time.monotonic()
found["close"] = subprocess.run([*common, "--http1.1", "-H", "Connection: close", url + "/v1/models"], capture_output=True, text=True).stdout
found["close_seconds"] = time.monotonic() - start
print(json.dumps(found))
