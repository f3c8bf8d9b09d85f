#!/usr/bin/env python3
"""What the official `anthropic` package asks. usage: anthropic_checks.py URL KEY"""
import anthropic
from checks import CITIES, ENGINES, KEY, TRIP, URL, WEATHER, check, finish, same

client = anthropic.Anthropic(base_url=URL, api_key=KEY, max_retries=0, timeout=60)
HI = [{"role": "user", "content": "Write one sentence about rivers."}]
TOOLS = [{"name": "get_weather", "description": "Weather of a city.", "input_schema": WEATHER}]


def play(name):
    return [{"role": "user", "content": f"[[play {name}]]"}]


@check
def text():
    message = client.messages.create(model="text", max_tokens=8, system="Be brief.", messages=HI)
    same([message.type, message.model, message.stop_reason, message.usage.output_tokens], ["message", "text", "max_tokens", 8])
    assert message.content[0].text and message.usage.input_tokens + message.usage.cache_read_input_tokens > 5
    assert message._request_id


@check
def text_stream():
    with client.messages.stream(model="text", max_tokens=8, messages=HI) as stream:
        pieces = list(stream.text_stream)
        final = stream.get_final_message()
    same([final.content[0].text, final.stop_reason, final.usage.output_tokens], ["".join(pieces), "max_tokens", 8])
    counted = client.messages.count_tokens(model="text", messages=HI).input_tokens
    same(final.usage.input_tokens + final.usage.cache_read_input_tokens, counted)


@check
def tools():
    for engine in ENGINES + ("tgi",):
        cities = CITIES[:1] if engine == "tgi" else CITIES
        whole = client.messages.create(model="recorded", max_tokens=99, messages=play(engine + "-tools"), tools=TOOLS)
        same([block.input["city"] for block in whole.content if block.type == "tool_use"], cities)
        with client.messages.stream(model="recorded", max_tokens=99, messages=play(engine + "-tools"), tools=TOOLS) as stream:
            final = stream.get_final_message()
        same([[block.input["city"] for block in final.content], final.stop_reason], [cities, "tool_use"])
        results = [{"type": "tool_result", "tool_use_id": block.id, "content": "sunny"} for block in final.content]
        turns = HI + [{"role": "assistant", "content": final.content}, {"role": "user", "content": results}]
        assert client.messages.create(model="text", max_tokens=4, messages=turns, tools=TOOLS).content


@check
def cached_tokens_are_not_input_tokens():
    usage = client.messages.create(model="recorded", max_tokens=99, messages=play("vllm-tools"), tools=TOOLS).usage
    same([usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens], [20, 192, 41])


@check
def thinking():
    on = {"type": "enabled", "budget_tokens": 1024}
    for engine in ENGINES:
        with client.messages.stream(model="recorded", max_tokens=2000 // 5, messages=play(engine + "-reasoning"), thinking=on) as stream:
            final = stream.get_final_message()
        same([block.type for block in final.content], ["thinking", "text"])
        same([final.content[0].thinking, final.content[1].text], ["Two and two.", "4."])
        turns = HI + [{"role": "assistant", "content": final.content}] + HI
        assert client.messages.create(model="text", max_tokens=4, messages=turns).content


@check
def stop_sequences():
    message = client.messages.create(model="recorded", max_tokens=9, messages=play("sglang-stop-sequence"), stop_sequences=["END"])
    same([message.stop_reason, message.stop_sequence], ["stop_sequence", "END"])


@check
def schema():
    form = {"format": {"type": "json_schema", "schema": TRIP}}
    message = client.messages.create(model="text", max_tokens=200, messages=HI, extra_body={"output_config": form})
    assert message.content[0].text.startswith("{"), message.content


@check
def the_beginning_of_an_answer_is_continued_and_not_repeated():
    turns = HI + [{"role": "assistant", "content": "The big"}]
    assert not client.messages.create(model="text", max_tokens=4, messages=turns).content[0].text.startswith("The big")
    with client.messages.stream(model="text", max_tokens=4, messages=turns) as stream:
        assert not stream.get_final_message().content[0].text.startswith("The big")


@check
def models():
    page = client.models.list()
    same(sorted(model.id for model in page), ["recorded", "text", "vectors"])
    same(client.models.retrieve("text").display_name, "text")


@check
def errors():
    wrong = anthropic.Anthropic(base_url=URL, api_key="sk-wrong", max_retries=0)
    for kind, ask in (
        (anthropic.AuthenticationError, lambda: wrong.messages.create(model="text", max_tokens=4, messages=HI)),
        (anthropic.NotFoundError, lambda: client.messages.create(model="none", max_tokens=4, messages=HI)),
        (anthropic.BadRequestError, lambda: client.messages.create(model="text", max_tokens=4, messages=[])),
        (anthropic.BadRequestError, lambda: client.messages.create(model="vectors", max_tokens=4, messages=HI)),
        (anthropic.BadRequestError, lambda: client.messages.create(model="text", max_tokens=10_000, messages=HI)),
        (anthropic.BadRequestError, lambda: client.messages.count_tokens(model="recorded", messages=HI)),
    ):
        try:
            ask()
            raise AssertionError(f"no {kind.__name__}")
        except kind as error:
            same(error.body["type"], "error")


@check
def broken_streams_raise():
    for name in ("vllm-error", "sglang-abort", "tgi-error"):
        try:
            with client.messages.stream(model="recorded", max_tokens=9, messages=play(name)) as stream:
                stream.until_done()
            raise AssertionError(f"{name} ended as if it were whole")
        except anthropic.APIStatusError as error:
            same(error.body["error"]["code"], "stream_interrupted")


finish()
