"""Compares the metadata names in Sources with LogKeys: the value of a name that is not listed there is never written."""
import pathlib
import re
import sys

LITERAL = re.compile(r'"([A-Za-z_.]+)"\s*:')
CONSTANT = re.compile(r"LogKeys\.([A-Za-z]+)")
STARTS = re.compile(r"metadata:\s*\[|Metadata\s*=\s*\[|metadataKey:\s*(?=[\"L])")


def listed():
    text = pathlib.Path("Sources/Telemetry/LogKeys.swift").read_text()
    names = dict(re.findall(r'static let (\w+) = "([^"]+)"', text))
    members = re.search(r"static let all: Set<String> = \[(.*?)\]", text, re.S).group(1)
    entries = [entry.strip() for entry in members.split(",") if entry.strip()]
    return names, {names.get(entry, entry.strip('"')) for entry in entries}


def literal(text, start):
    """The text from an opening bracket to the one that closes it; of a subscript, up to its bracket."""
    depth = 1
    for position in range(start, len(text)):
        depth += {"[": 1, "]": -1}.get(text[position], 0)
        if depth == 0:
            return text[start:position]
    return text[start:]


def used(text):
    for start in STARTS.finditer(text):
        part = literal(text, start.end())
        if start.group().startswith("metadataKey"):
            part = re.sub(r'^"([^"]+)"', r'"\1":', part)
        # Values may hold quoted text of their own.
        plain = re.sub(r'(:\s*)"(?:\\\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)|[^"\\])*"', r"\1_", part)
        yield from ((name, text.count("\n", 0, start.start()) + 1) for name in LITERAL.findall(plain))
        yield from (("LogKeys." + name, text.count("\n", 0, start.start()) + 1) for name in CONSTANT.findall(plain))


def main():
    names, allowed = listed()
    faults = [f"LogKeys.{name} is not in LogKeys.all" for name, text in names.items() if text not in allowed]
    for file in sorted(pathlib.Path("Sources").rglob("*.swift")):
        if file.parts[1] == "Telemetry":
            continue
        for name, line in used(file.read_text()):
            text = names.get(name.removeprefix("LogKeys."), name) if name.startswith("LogKeys.") else name
            if text not in allowed:
                faults.append(f"{file}:{line}: the value of {name} is not written: it is not in LogKeys.all")
    print("\n".join(faults))
    return 1 if faults else 0


sys.exit(main())
