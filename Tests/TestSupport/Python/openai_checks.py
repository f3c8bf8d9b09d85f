#!/usr/bin/env python3
"""What the official `openai` package asks of every endpoint that it knows. usage: openai_checks.py URL KEY"""
import json

import openai
from checks import CITIES, ENGINES, KEY, TRIP, URL, WEATHER, check, finish, same

client = openai.OpenAI(base_url=URL + "/v1", api_key=KEY, max_retries=0, timeout=60)
HI = [{"role": "user", "content": "Write one sentence about rivers."}]
CHAT_TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": WEATHER}}
TOOL = {"type": "function", "name": "get_weather", "parameters": WEATHER}


def play(name):
    return [{"role": "user", "content": f"[[play {name}]]"}]


@check
def text():
    answer = client.chat.completions.create(model="text", messages=HI, max_tokens=8)
    same([answer.model, answer.choices[0].finish_reason, answer.usage.completion_tokens], ["text", "length", 8])
    same(hasattr(answer, "timings"), False)


@check
def several_answers_are_counted():
    answer = client.chat.completions.create(model="text", messages=HI, max_tokens=5, n=3)
    same([len(answer.choices), answer.usage.completion_tokens], [3, 15])
    usage = [
        chunk.usage
        for chunk in client.chat.completions.create(
            model="text", messages=HI, max_tokens=5, n=3, stream=True, stream_options={"include_usage": True}
        )
        if chunk.usage
    ]
    same([entry.completion_tokens for entry in usage], [15])


@check
def logprobs():
    choice = client.chat.completions.create(model="text", messages=HI, max_tokens=4, logprobs=True, top_logprobs=2).choices[0]
    same([len(choice.logprobs.content), len(choice.logprobs.content[0].top_logprobs)], [4, 2])
    both = client.chat.completions.create(model="text", messages=HI, max_tokens=4, n=2, logprobs=True).choices
    same([len(one.logprobs.content) for one in both], [4, 4])


@check
def schema():
    form = {"type": "json_schema", "json_schema": {"name": "trip", "schema": TRIP, "strict": True}}
    answer = client.chat.completions.create(model="text", messages=HI, max_tokens=200, temperature=0, response_format=form)
    same(sorted(json.loads(answer.choices[0].message.content)), ["city", "days"])


@check
def embeddings():
    two = client.embeddings.create(model="vectors", input=["keel and hull", "sail"], dimensions=64)
    floats = client.embeddings.create(model="vectors", input="keel and hull", encoding_format="float")
    coded = client.embeddings.create(model="vectors", input="keel and hull")  # the package asks for base64 by itself
    same([[entry.index for entry in two.data], two.model], [[0, 1], "vectors"])
    pairs = list(zip(floats.data[0].embedding, coded.data[0].embedding, strict=True))
    assert all(abs(one - other) < 0.0001 for one, other in pairs), pairs
    assert two.usage.prompt_tokens > coded.usage.prompt_tokens == floats.usage.prompt_tokens > 0


@check
def models_are_for_what_they_are_for():
    for ask in (
        lambda: client.embeddings.create(model="text", input="x"),
        lambda: client.chat.completions.create(model="vectors", messages=HI),
        lambda: client.responses.create(model="vectors", input="x"),
    ):
        try:
            ask()
            raise AssertionError("was not refused")
        except openai.BadRequestError as error:
            same(error.code, "unsupported_endpoint")


@check
def chat_tools():
    for engine in ENGINES:
        whole = client.chat.completions.create(model="recorded", messages=play(engine + "-tools"), tools=[CHAT_TOOL])
        calls = whole.choices[0].message.tool_calls
        same([json.loads(call.function.arguments)["city"] for call in calls], CITIES)
        with client.chat.completions.stream(model="recorded", messages=play(engine + "-tools"), tools=[CHAT_TOOL]) as stream:
            final = stream.get_final_completion().choices[0]
        same([json.loads(call.function.arguments)["city"] for call in final.message.tool_calls], CITIES)
        same(final.finish_reason, "tool_calls")


def thought(message):
    """vLLM calls it `reasoning`, the others `reasoning_content`; clients get what the runtime wrote."""
    return getattr(message, "reasoning_content", None) or getattr(message, "reasoning", None) or ""


@check
def chat_reasoning():
    for engine in ENGINES:
        message = client.chat.completions.create(model="recorded", messages=play(engine + "-reasoning")).choices[0].message
        same([message.content, thought(message)], ["4.", "Two and two."])
        pieces = client.chat.completions.create(model="recorded", messages=play(engine + "-reasoning"), stream=True)
        same("".join(thought(piece.choices[0].delta) for piece in pieces), "Two and two.")


@check
def response():
    answer = client.responses.create(model="text", input="Say something.", instructions="Be brief.", max_output_tokens=8, store=False)
    same([answer.status, answer.incomplete_details.reason, answer.usage.output_tokens], ["incomplete", "max_output_tokens", 8])
    assert answer.output_text
    form = {"format": {"type": "json_schema", "name": "trip", "schema": TRIP, "strict": True}}
    answer = client.responses.create(model="text", input="A trip.", max_output_tokens=200, temperature=0, text=form)
    same(sorted(json.loads(answer.output_text)), ["city", "days"])


@check
def response_stream():
    events = list(client.responses.create(model="text", input="Say something.", max_output_tokens=8, stream=True))
    same([event.sequence_number for event in events], list(range(len(events))))
    same([events[-1].type, events[-1].response.usage.output_tokens], ["response.incomplete", 8])


@check
def response_tools():
    for engine in ENGINES + ("tgi",):
        cities = CITIES[:1] if engine == "tgi" else CITIES
        whole = client.responses.create(model="recorded", input=f"[[play {engine}-tools]]", tools=[TOOL])
        same([json.loads(item.arguments)["city"] for item in whole.output if item.type == "function_call"], cities)
        with client.responses.stream(model="recorded", input=f"[[play {engine}-tools]]", tools=[TOOL]) as stream:
            final = stream.get_final_response()
        calls = [item for item in final.output if item.type == "function_call"]
        same([json.loads(item.arguments)["city"] for item in calls], cities)
        results = [{"type": "function_call_output", "call_id": item.call_id, "output": "sunny"} for item in calls]
        again = [{"role": "user", "content": "Weather?"}, *(item.to_dict() for item in calls), *results]
        assert client.responses.create(model="text", input=again, max_output_tokens=4).output_text


@check
def response_reasoning():
    for engine in ENGINES:
        with client.responses.stream(model="recorded", input=f"[[play {engine}-reasoning]]") as stream:
            kinds = {event.type for event in stream}
            final = stream.get_final_response()
        assert {"response.reasoning_text.delta", "response.reasoning_text.done", "response.output_text.done"} <= kinds, kinds
        same([item.type for item in final.output], ["reasoning", "message"])
        same([final.output[0].content[0].text, final.output_text], ["Two and two.", "4."])
        same(final.usage.output_tokens_details.reasoning_tokens, 0 if engine == "llamacpp" else 5)


@check
def what_needs_a_store_is_refused():
    for extra in ({"store": True}, {"previous_response_id": "resp_1"}, {"conversation": "conv_1"}, {"background": True}):
        try:
            client.responses.create(model="text", input="x", **extra)
            raise AssertionError(f"{extra} was not refused")
        except openai.BadRequestError as error:
            same([error.code, error.param], ["unsupported_parameter", next(iter(extra))])


@check
def broken_streams_raise():
    for name in ("vllm-error", "sglang-abort", "tgi-error"):
        seen = ""
        try:
            for chunk in client.chat.completions.create(model="recorded", messages=play(name), stream=True):
                seen += chunk.choices[0].delta.content or ""
            raise AssertionError(f"{name} ended as if it were whole")
        except openai.APIError as error:
            same([seen, error.code], ["one", "stream_interrupted"])
            assert "EngineCore" not in str(error) and "CANCELLED" not in str(error)
        try:
            for _ in client.responses.create(model="recorded", input=f"[[play {name}]]", stream=True):
                pass
            raise AssertionError(f"{name} ended as if it were whole")
        except openai.APIError as error:
            same(error.code, "stream_interrupted")


@check
def errors_before_a_token_have_their_status():
    for name in ("sglang-error", "llamacpp-error", "tgi-too-long"):
        for stream in (False, True):
            try:
                client.chat.completions.create(model="recorded", messages=play(name), stream=stream)
                raise AssertionError("was not refused")
            except openai.BadRequestError as error:
                same(error.code, "context_length_exceeded")


finish()
