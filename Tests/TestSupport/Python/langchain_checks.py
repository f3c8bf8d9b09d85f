#!/usr/bin/env python3
"""What `langchain-openai` asks, by chat completions and by responses. usage: langchain_checks.py URL KEY"""
from checks import CITIES, ENGINES, KEY, TRIP, URL, WEATHER, check, finish, same
from langchain_core.messages import ToolMessage
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

TOOL = {"type": "function", "function": {"name": "get_weather", "description": "Weather.", "parameters": WEATHER}}


def chat(model, **more):
    return ChatOpenAI(base_url=URL + "/v1", api_key=KEY, model=model, max_retries=0, timeout=60, **more)


def whole(model, prompt):
    """The message that a stream adds up to."""
    total = None
    for piece in model.stream(prompt):
        total = piece if total is None else total + piece
    return total


@check
def text():
    answer = chat("text", max_tokens=8).invoke("Write one sentence about rivers.")
    assert answer.content
    same([answer.usage_metadata["output_tokens"], answer.response_metadata["finish_reason"]], [8, "length"])


@check
def text_stream():
    answer = whole(chat("text", max_tokens=8, stream_usage=True), "Write one sentence about rivers.")
    same(answer.usage_metadata["output_tokens"], 8)


@check
def responses():
    answer = chat("text", max_tokens=8, use_responses_api=True).invoke("Write one sentence about rivers.")
    assert answer.text
    same(answer.usage_metadata["output_tokens"], 8)
    same(whole(chat("text", max_tokens=8, use_responses_api=True), "Rivers.").usage_metadata["output_tokens"], 8)


@check
def schema():
    found = chat("text", max_tokens=200).with_structured_output({"title": "Trip", **TRIP}, method="json_schema").invoke("A trip.")
    same(sorted(found), ["city", "days"])


@check
def tools():
    for engine in ENGINES:
        for by_responses in (False, True):
            model = chat("recorded", use_responses_api=by_responses).bind_tools([TOOL])
            for answer in (model.invoke(f"[[play {engine}-tools]]"), whole(model, f"[[play {engine}-tools]]")):
                same([call["args"]["city"] for call in answer.tool_calls], CITIES)
        results = [ToolMessage("sunny", tool_call_id=call["id"]) for call in answer.tool_calls]
        assert chat("text", max_tokens=4).invoke([("user", "Weather?"), answer, *results]).content


@check
def reasoning():
    for engine in ENGINES:
        answer = whole(chat("recorded", use_responses_api=True), f"[[play {engine}-reasoning]]")
        same(answer.text, "4.")
        same(answer.content[0]["type"], "reasoning")


@check
def embeddings():
    # Texts are sent as texts: to send tokens the package would fetch a tokenizer from the network.
    vectors = OpenAIEmbeddings(base_url=URL + "/v1", api_key=KEY, model="vectors", max_retries=0, check_embedding_ctx_length=False)
    same([len(vector) for vector in vectors.embed_documents(["keel", "hull"])], [len(vectors.embed_query("keel"))] * 2)


@check
def broken_streams_raise():
    for by_responses in (False, True):
        try:
            whole(chat("recorded", use_responses_api=by_responses), "[[play vllm-error]]")
        except Exception as error:
            assert "EngineCore" not in str(error) and "interrupted" in str(error), error
        else:
            raise AssertionError("ended as if it were whole")


finish()
