#!/usr/bin/env python3
"""What a customer does with the official `openai` package. usage: official_client.py URL/v1 KEY MODEL; prints one JSON object of findings."""
import json
import sys

import openai

url, key, model = sys.argv[1:4]
messages = [{"role": "user", "content": "Write one sentence about rivers."}]
client = openai.OpenAI(base_url=url, api_key=key, max_retries=0, timeout=60)
found = {}


def refused(name, client=client, **changes):
    try:
        client.chat.completions.create(**({"model": model, "messages": messages, "max_tokens": 4} | changes))
        found[name] = "no error"
    except openai.APIStatusError as error:
        found[name] = [type(error).__name__, error.status_code, error.code, error.param]


answer = client.chat.completions.create(model=model, messages=messages, max_tokens=12)
found["chat"] = [bool(answer.choices[0].message.content), answer.usage.completion_tokens, answer.choices[0].finish_reason]

chunks, usage = 0, None
for chunk in client.chat.completions.create(
    model=model, messages=messages, max_tokens=12, stream=True, stream_options={"include_usage": True}
):
    chunks += bool(chunk.choices and chunk.choices[0].delta.content)
    usage = chunk.usage or usage
found["stream"] = [chunks, usage.completion_tokens if usage else None]

plain = list(client.chat.completions.create(model=model, messages=messages, max_tokens=4, stream=True))
found["usage_unasked"] = any(chunk.usage for chunk in plain)
found["completion"] = bool(client.completions.create(model=model, prompt="Once upon", max_tokens=6).choices[0].text)
found["models"] = [entry.id for entry in client.models.list()]
found["model"] = client.models.retrieve(model).id

raw = client.chat.completions.with_raw_response.create(model=model, messages=messages, max_tokens=1)
found["headers"] = sorted(name.lower() for name in raw.headers if name.lower().startswith(("x-request-id", "x-ratelimit-")))

refused("bad_key", openai.OpenAI(base_url=url, api_key="pls_live_wrong", max_retries=0, timeout=60))
refused("unknown_model", model="no-such-model")
refused("wrong_type", max_tokens="many")
refused("no_messages", messages=[])
refused("too_many_tokens", max_tokens=10_000_000)

stream = client.chat.completions.create(model=model, messages=messages, max_tokens=200, stream=True)
next(iter(stream))
stream.close()
found["early_close"] = True
print(json.dumps(found))
