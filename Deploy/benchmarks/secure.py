"""Load over TLS, by the tools that others measure with: wrk for HTTP/1.1, h2load for HTTP/2."""
import json
import pathlib
import re
import subprocess

# The others speak no TLS in these settings.
TARGETS = {"nginx", "plimsoll"}
PATH = "/v1/chat/completions"
BODY = json.dumps(
    {
        "model": "mock-a", "max_tokens": 32, "temperature": 0.7,
        "messages": [
            {"role": "system", "content": "You answer questions about ships and harbours in a few words."},
            {"role": "user", "content": "What does the line on the hull of a ship mean, who had it painted there, and why do the marks on it differ "
                                        "between fresh and salt water?"},
        ],
    })


def certificate(folder):
    """A self-signed pair (P-256, as most servers have): paths of certificate and key."""
    chain, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", chain], check=True, capture_output=True)
    return chain, key


def command(tool, port, key, folder):
    url = f"https://127.0.0.1:{port}{PATH}"
    if tool == "h2load":
        body = folder / "body.json"
        body.write_text(BODY)
        fields = ["-H", f"authorization: Bearer {key}", "-H", "content-type: application/json"]
        return ["h2load", "-c", "16", "-m", "4", "-n", "60000", "-d", str(body), *fields, url]
    script = folder / "post.lua"
    script.write_text(
        f'wrk.method = "POST"\nwrk.body = [=[{BODY}]=]\nwrk.headers["Content-Type"] = "application/json"\n'
        f'wrk.headers["Authorization"] = "Bearer {key}"\n')
    return ["wrk", "-t", "1", "-c", "64", "-d", "4s", "--latency", "-s", str(script), url]


def result(tool, text):
    return h2load(text) if tool == "h2load" else wrk(text)


def microseconds(text):
    number, unit = re.match(r"([\d.]+)(us|ms|s)", text).groups()
    return float(number) * {"us": 1, "ms": 1000, "s": 1_000_000}[unit]


def wrk(text):
    completed, seconds = re.search(r"(\d+) requests in ([\d.]+)s", text).groups()
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    times = {name: microseconds(re.search(rf"\n\s+{name}%\s+(\S+)", text).group(1)) for name in ("50", "99")}
    return {
        "completed": int(completed), "seconds": float(seconds), "latency": {"p50": times["50"], "p99": times["99"]},
        "wrong": int(refused.group(1)) if refused else 0, "lost": sum(map(int, errors.groups())) if errors else 0,
    }


def h2load(text):
    done, failed = re.search(r"(\d+) done, \d+ succeeded, (\d+) failed", text).groups()
    wrong = int(done) - int(re.search(r"status codes: (\d+) 2xx", text).group(1))
    seconds = microseconds(re.search(r"finished in (\S+),", text).group(1)) / 1_000_000
    # It prints no percentiles.
    mean = microseconds(re.search(r"time for request:\s+\S+\s+\S+\s+(\S+)", text).group(1))
    return {"completed": int(done), "seconds": seconds, "latency": {"p50": mean}, "wrong": wrong, "lost": int(failed)}
