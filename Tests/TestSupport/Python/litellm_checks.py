#!/usr/bin/env python3
"""What LiteLLM's client asks, by each of the APIs that it can speak to us. usage: litellm_checks.py URL KEY"""
import json

import litellm
from checks import CITIES, ENGINES, KEY, TRIP, URL, WEATHER, check, finish, same

litellm.suppress_debug_info = True
HI = [{"role": "user", "content": "Write one sentence about rivers."}]
OPENAI = {"api_base": URL + "/v1", "api_key": KEY, "num_retries": 0}
ANTHROPIC = {"api_base": URL, "api_key": KEY, "num_retries": 0}
TOOL = {"type": "function", "function": {"name": "get_weather", "description": "Weather.", "parameters": WEATHER}}
WAYS = (("openai/", OPENAI), ("anthropic/", ANTHROPIC))


def play(name):
    return [{"role": "user", "content": f"[[play {name}]]"}]


def whole(**request):
    chunks = list(litellm.completion(stream=True, stream_options={"include_usage": True}, **request))
    return litellm.stream_chunk_builder(chunks)


@check
def text():
    for prefix, way in WAYS:
        for answer in (
            litellm.completion(model=prefix + "text", messages=HI, max_tokens=8, **way),
            whole(model=prefix + "text", messages=HI, max_tokens=8, **way),
        ):
            same([answer.choices[0].finish_reason, answer.usage.completion_tokens], ["length", 8])


@check
def tools():
    for prefix, way in WAYS:
        for engine in ENGINES:
            request = {"model": prefix + "recorded", "messages": play(engine + "-tools"), "tools": [TOOL], "max_tokens": 99, **way}
            for answer in (litellm.completion(**request), whole(**request)):
                calls = answer.choices[0].message.tool_calls
                same([json.loads(call.function.arguments)["city"] for call in calls], CITIES)


@check
def reasoning():
    for prefix, way in WAYS:
        for engine in ENGINES:
            request = {"model": prefix + "recorded", "messages": play(engine + "-reasoning"), "max_tokens": 99, **way}
            for answer in (litellm.completion(**request), whole(**request)):
                message = answer.choices[0].message
                same([message.content, message.reasoning_content], ["4.", "Two and two."])


@check
def schema():
    form = {"type": "json_schema", "json_schema": {"name": "trip", "schema": TRIP, "strict": True}}
    answer = litellm.completion(model="openai/text", messages=HI, max_tokens=200, response_format=form, **OPENAI)
    same(sorted(json.loads(answer.choices[0].message.content)), ["city", "days"])


@check
def responses():
    answer = litellm.responses(model="openai/text", input="Say something.", max_output_tokens=20, **OPENAI)
    same([answer.status, answer.usage.output_tokens], ["incomplete", 20])
    kinds = [event.type for event in litellm.responses(model="openai/text", input="Hi", max_output_tokens=20, stream=True, **OPENAI)]
    same(kinds[0], "response.created")
    assert kinds[-1] in ("response.incomplete", "response.completed"), kinds  # by its version the package rewrites the last one


@check
def embeddings():
    answer = litellm.embedding(model="openai/vectors", input=["keel", "hull"], encoding_format="float", **OPENAI)
    same(len(answer.data), 2)
    assert answer.usage.prompt_tokens > 0


@check
def errors():
    for prefix, way in WAYS:
        for kind, more in (
            (litellm.AuthenticationError, {"api_key": "sk-wrong"}),
            (litellm.NotFoundError, {"model": prefix + "none"}),
            (litellm.BadRequestError, {"max_tokens": 10_000}),
        ):
            try:
                litellm.completion(**({"model": prefix + "text", "messages": HI, "max_tokens": 4, **way} | more))
                raise AssertionError(f"no {kind.__name__} by {prefix}")
            except kind:
                pass


@check
def broken_streams_raise():
    for prefix, way in WAYS:
        try:
            whole(model=prefix + "recorded", messages=play("vllm-error"), max_tokens=9, **way)
        except Exception as error:
            assert "EngineCore" not in str(error), error
        else:
            raise AssertionError("ended as if it were whole")


finish()
