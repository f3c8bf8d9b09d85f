#!/usr/bin/env python3
"""Asks llama.cpp's server whether an answer goes on exactly where its text was cut: behind each token, in chat and in completions.

Run it with the Python that `llama_worker.py` runs with; prints a line for each kind and ends with 1 when a text differed.
"""
import json
import pathlib
import subprocess
import sys
import urllib.request

TOKENS = 24
QUESTION = [{"role": "user", "content": "Tell me a short story about a ship."}]
PROMPT = "The ship left the harbour and"


def pieces(address, path, body):
    body = dict(body, stream=True, temperature=0)
    request = urllib.request.Request(address + path, json.dumps(body).encode(), {"content-type": "application/json"})
    found = []
    with urllib.request.urlopen(request, timeout=120) as answer:
        for line in answer:
            if not line.startswith(b"data: {"):
                continue
            for choice in json.loads(line[6:])["choices"]:
                found.append(choice.get("text") or choice.get("delta", {}).get("content") or "")
    return [piece for piece in found if piece]


def chat(address, so_far, tokens):
    messages = QUESTION + ([{"role": "assistant", "content": so_far}] if so_far else [])
    return pieces(address, "/v1/chat/completions", {"messages": messages, "max_tokens": tokens})


def completion(address, so_far, tokens):
    return pieces(address, "/v1/completions", {"prompt": PROMPT + so_far, "max_tokens": tokens})


def check(name, ask, address):
    whole = ask(address, "", TOKENS)
    breaks = range(1, len(whole))
    same = sum("".join(whole[:k] + ask(address, "".join(whole[:k]), TOKENS - k)) == "".join(whole) for k in breaks)
    print(f"{name}: {same} of {len(breaks)} breaks continued exactly")
    return same == len(breaks)


def main():
    worker = pathlib.Path(__file__).with_name("llama_worker.py")
    process = subprocess.Popen([sys.executable, str(worker), "--parallel", "1", "--ctx", "2048"], stdout=subprocess.PIPE, text=True)
    try:
        address = process.stdout.readline().split()[1]
        address = address if address.startswith("http") else "http://" + address
        results = [check("chat", chat, address), check("completions", completion, address)]
    finally:
        process.terminate()
        process.wait()
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
