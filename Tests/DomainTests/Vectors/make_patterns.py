"""Makes patterns.json: random expressions and texts with what Python's `re` says of them, as a second opinion on our own matcher."""
import json
import pathlib
import random
import re

ALPHABET = "aabbcxyZ01_ .-\n"
ATOMS = ["a", "b", "c", "Z", "0", "_", r"\.", ".", r"\d", r"\w", r"\s", r"\D", r"\W", r"\S", "[ab]", "[^ab]", "[a-c0-1]", r"[\w.-]", r"[^\s]", "x", "é", "[é-ü]"]
PLACES = ["^", r"\b", r"\B", "$", r"\A", r"\z"]


def expression(random, depth):
    kind = random.random()
    if depth == 0 or kind < 0.45:
        return random.choice(ATOMS)
    if kind < 0.55:
        return random.choice(PLACES)
    if kind < 0.7:
        return "(?:" + expression(random, depth - 1) + ")" + random.choice(["*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}", "*?", "+?", "??"])
    if kind < 0.8:
        return random.choice(["(?:", "(", "(?i:", "(?s:"]) + expression(random, depth - 1) + "|" + expression(random, depth - 1) + ")"
    return expression(random, depth - 1) + expression(random, depth - 1)


def empty_in_a_loop(pattern):
    """Whether something that may match nothing is repeated: there the dialects differ on purpose."""
    loops = re.search(r"\)[*+{?]", pattern)
    return bool(loops) and (re.search(r"\|\)|\(\||[*?]|\^|\\[bBAz]|\$|\{0,|\(\?:\)", pattern.replace("(?", "(")) is not None and pattern.count(")") > 1
                            or re.search(r"\((\?\w*:)?(\^|\$|\\[bBAz])\)[*+{?]", pattern) is not None)


def differs_on_purpose(pattern, text):
    """Python finds no `\\B` in an empty text, and we look between the bytes of one character too."""
    return "B" in pattern and (not text or not text.isascii())


def main():
    source, cases = random.Random(7), []
    while len(cases) < 1500:
        pattern = expression(source, 4)
        python = pattern.replace(r"\z", r"\Z").replace("$", r"\Z")
        if len(pattern) > 60 or empty_in_a_loop(pattern) or pattern.count("(?:") > 3:
            continue
        text = "".join(source.choice(ALPHABET + ("éü" if source.random() < 0.2 else "")) for _ in range(source.randrange(0, 14)))
        if differs_on_purpose(pattern, text):
            continue
        try:
            found = re.compile(python, re.ASCII).search(text)
        except re.error:
            continue
        if found is None and source.random() < 0.6:
            continue
        span = [len(text[: place].encode()) for place in found.span()] if found else None
        cases.append({"pattern": pattern, "text": text, "span": span})
    path = pathlib.Path(__file__).parent / "patterns.json"
    path.write_text("[\n" + ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases) + "\n]\n")


main()
