#!/usr/bin/env python3
"""Asks llama.cpp's server whether an answer goes on exactly where its text was cut: behind each event, in chat and in completions.

An event may hold several tokens, as one with an emoji does; `timings_per_token` makes it say how many have been made, and by that the rest is asked
for: the whole must have as many tokens as were allowed.

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
SIGNS = "Emoji list: 😀 🎉 🚀 🐙 🦄 😀 🎉 🚀 🐙 🦄 😀 🎉"


def pieces(address, path, body):
    """Texts of the events, the tokens made by the end of each, and the tokens of the whole answer."""
    body = dict(body, stream=True, temperature=0, timings_per_token=True, stream_options={"include_usage": True})
    request = urllib.request.Request(address + path, json.dumps(body).encode(), {"content-type": "application/json"})
    texts, made, total = [], [], 0
    with urllib.request.urlopen(request, timeout=120) as answer:
        for line in answer:
            if not line.startswith(b"data: {"):
                continue
            event = json.loads(line[6:])
            total = (event.get("usage") or {}).get("completion_tokens", total)
            for choice in event["choices"]:
                text = choice.get("text") or choice.get("delta", {}).get("content") or ""
                if text:
                    texts.append(text)
                    made.append(event["timings"]["predicted_n"])
    return texts, made, total


def chat(address, so_far, tokens):
    messages = QUESTION + ([{"role": "assistant", "content": so_far}] if so_far else [])
    return pieces(address, "/v1/chat/completions", {"messages": messages, "max_tokens": tokens})


def completion(address, so_far, tokens):
    return pieces(address, "/v1/completions", {"prompt": PROMPT + so_far, "max_tokens": tokens})


def signs(address, so_far, tokens):
    return pieces(address, "/v1/completions", {"prompt": SIGNS + so_far, "max_tokens": tokens})


def check(name, ask, address):
    whole, made, total = ask(address, "", TOKENS)
    breaks = [k for k in range(1, len(whole)) if made[k - 1] < TOKENS]
    same = 0
    for k in breaks:
        rest, _, tokens = ask(address, "".join(whole[:k]), TOKENS - made[k - 1])
        same += "".join(whole[:k] + rest) == "".join(whole) and made[k - 1] + tokens == total
    print(f"{name}: {total} tokens in {len(whole)} events, {same} of {len(breaks)} breaks continued exactly")
    return same == len(breaks)


def main():
    worker = pathlib.Path(__file__).with_name("llama_worker.py")
    process = subprocess.Popen([sys.executable, str(worker), "--parallel", "1", "--ctx", "2048"], stdout=subprocess.PIPE, text=True)
    try:
        address = process.stdout.readline().split()[1]
        address = address if address.startswith("http") else "http://" + address
        results = [check("chat", chat, address), check("completions", completion, address), check("signs", signs, address)]
    finally:
        process.terminate()
        process.wait()
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
