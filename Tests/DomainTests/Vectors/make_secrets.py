"""Makes secrets.json: the samples by which gitleaks tests its own rules (MIT, see docs/licences/gitleaks.txt), with random secrets filled in.

Usage: make_secrets.py GIT-DIRECTORY-OF-GITLEAKS. Each text is written backwards, so that nobody's scanner takes it for a real secret.
"""
import json
import pathlib
import random
import re
import subprocess
import sys

try:
    import re._parser as regex_parser
except ImportError:
    import sre_parse as regex_parser

SOURCE = random.Random(11)
ANY = [chr(code) for code in range(0x21, 0x7F)]
CATEGORIES = {
    "CATEGORY_DIGIT": "0123456789",
    "CATEGORY_WORD": "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_",
    "CATEGORY_SPACE": " ",
}


def generate(tokens):
    text = ""
    for operation, value in tokens:
        name = str(operation)
        if name == "LITERAL":
            text += chr(value)
        elif name in ("ANY", "NOT_LITERAL"):
            text += SOURCE.choice(ANY)
        elif name == "IN":
            text += SOURCE.choice(members(value))
        elif name in ("MAX_REPEAT", "MIN_REPEAT"):
            least, most, inner = value
            count = SOURCE.randint(least, min(int(most), least + 8))
            text += "".join(generate(inner) for _ in range(count))
        elif name == "SUBPATTERN":
            text += generate(value[3])
        elif name == "BRANCH":
            text += generate(SOURCE.choice(value[1]))
    return text


def members(items):
    found = []
    for operation, value in items:
        name = str(operation)
        if name == "LITERAL":
            found.append(chr(value))
        elif name == "RANGE":
            found += [chr(code) for code in range(value[0], value[1] + 1)]
        elif name == "CATEGORY":
            found += CATEGORIES.get(str(value), "".join(ANY))
    return found


PART = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|`([^`]*)`|(secrets\.NewSecret|newPlausibleSecret)\(|utils\.(\w+)\("?([^")]*)"?\))\s*')
SIZES = {
    "Numeric": "[0-9]{%s}", "Hex": "[a-f0-9]{%s}", "AlphaNumeric": "[a-z0-9]{%s}", "AlphaNumericExtendedShort": "[a-z0-9_-]{%s}",
    "AlphaNumericExtended": r"[a-z0-9=_\-]{%s}", "AlphaNumericExtendedLong": r"[a-z0-9\/=_\+\-]{%s}",
    "Hex8_4_4_4_12": "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}%.0s",
}


def evaluate(text, at):
    """A Go expression of joined strings from `at` on: its value, what of it was random, and where it ends; None when it is anything else."""
    value, secret = "", ""
    while True:
        found = PART.match(text, at)
        if not found:
            return None
        at = found.end()
        if found.group(3):
            inner = evaluate(text, at)
            if inner is None or text[inner[2]] != ")":
                return None
            made = generate(regex_parser.parse(inner[0]))
            value, secret, at = value + made, max(secret, made, key=len), inner[2] + 1
        elif found.group(4):
            if found.group(4) not in SIZES:
                return None
            value += SIZES[found.group(4)] % found.group(5)
        elif found.group(2) is not None:
            value += found.group(2)
        else:
            value += json.loads('"' + found.group(1) + '"')
        while at < len(text) and text[at] in " \t":
            at += 1
        if at >= len(text) or text[at] != "+":
            return value, secret, at
        at += 1


def templates(code):
    found = re.findall(r'^\t\t"[^"]+":\s+(?:"((?:[^"\\]|\\.)*)"|`([^`]*)`),', code, re.M)
    return [json.loads('"' + quoted + '"') if quoted else raw for quoted, raw in found]


def samples(rule, body, forms):
    made = []
    for call in re.finditer(r'utils\.GenerateSampleSecrets?\("([^"]*)", ', body):
        result = evaluate(body, call.end())
        if result and body[result[2]] == ")":
            for form in SOURCE.sample(forms, 3):
                text = form.replace("{i}", call.group(1)).replace("{I}", call.group(1).upper()).replace("{s}", result[0])
                made.append((text, result[0]))
    for literal in re.finditer(r"(?<=\n)\t\t(?=[`\"])", body):
        result = evaluate(body, literal.end())
        if result and body[result[2]] in ",\n" and len(result[0]) > 12:
            made.append((result[0], result[1]))
    return [{"rule": rule, "text": text[::-1], "secret": secret[::-1]} for text, secret in made[:4]]


def main():
    def show(path):
        return subprocess.run(["git", "-C", sys.argv[1], "show", "HEAD:" + path], capture_output=True, text=True, check=True).stdout

    forms = templates(show("cmd/generate/config/utils/generate.go"))
    listing = subprocess.run(["git", "-C", sys.argv[1], "ls-tree", "--name-only", "HEAD", "cmd/generate/config/rules/"], capture_output=True, text=True)
    cases = []
    for path in listing.stdout.split():
        if path.endswith("_test.go"):
            continue
        for function in re.split(r"\nfunc ", show(path)):
            rule = re.search(r'RuleID:\s+"([^"]+)"', function)
            if rule:
                start = function.find("tps")
                body = function[start:] if start >= 0 else function[function.find("// validate") :]
                cases += samples(rule.group(1), "\n" + re.split(r"\bfps\b\s*:?=", body)[0], forms)
    path = pathlib.Path(__file__).parent / "secrets.json"
    path.write_text("[\n" + ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases) + "\n]\n")
    print(len(cases), "samples of", len({case["rule"] for case in cases}), "rules")


main()
