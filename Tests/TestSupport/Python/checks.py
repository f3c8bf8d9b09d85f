"""Collects checks of a client: each function marked with @check is run; what it found is printed as one JSON object. usage: SCRIPT URL KEY."""
import json
import sys
import traceback

URL, KEY = sys.argv[1:3]
ENGINES = ("vllm", "sglang", "llamacpp")
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}, "unit": {"type": "string"}}, "required": ["city"]}
CITIES = ["Lisbon", "Oslo"]
# No free text: of random weights llama.cpp's server now and then cannot parse it, and answers 500.
TRIP = {
    "type": "object",
    "properties": {"city": {"type": "string", "enum": CITIES}, "days": {"type": "integer", "minimum": 1, "maximum": 9}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
found = {}


def check(function):
    # Of two with one name one would be forgotten.
    assert function.__name__ not in found, function.__name__
    try:
        function()
        found[function.__name__] = "ok"
    except Exception:  # what went wrong is the finding
        found[function.__name__] = traceback.format_exc(limit=-2)
    return function


def same(got, wanted):
    if got != wanted:
        raise AssertionError(f"got {got!r}, wanted {wanted!r}")


def finish():
    print(json.dumps(found))
