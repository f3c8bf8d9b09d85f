"""Keeps files and functions small, and names meaning something."""
import pathlib
import re
import sys

FILE_LIMIT, STATE_MACHINE_LIMIT, FUNCTION_LIMIT = 500, 700, 60
EMPTY_NAMES = re.compile(r"^(Core|Common|Shared|Util|Utils|Utilities|Helper|Helpers|Manager|Impl|Base|Misc)(?:\.swift)?$")
EMPTY_ENDINGS = re.compile(r"\b(?:struct|class|enum|actor|protocol) (\w*(?:Manager|Helper|Utils?|Impl|Misc))\b")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX)\b")
START = re.compile(r"^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:[a-z]+(?:\([a-z]+\))? )*(?:func \S+|init[?(<])")


def functions(lines):
    """(line number, length) of each function whose body has its braces where swift-format puts them: it ends where its indentation returns."""
    for index, line in enumerate(lines):
        if not START.match(line):
            continue
        indent = len(line) - len(line.lstrip())
        for end in range(index, len(lines)):
            text = lines[end]
            if end > index and text.strip() == "}" and len(text) - len(text.lstrip()) == indent:
                yield index + 1, end - index + 1
                break
            if end > index and text.strip() and len(text) - len(text.lstrip()) < indent:
                break
            if end == index and text.rstrip().endswith("}"):
                break


def main():
    faults = []
    for file in sorted(f for folder in ("Sources", "Tests", "Migrations") for f in pathlib.Path(folder).rglob("*.swift")):
        lines = file.read_text().splitlines()
        limit = STATE_MACHINE_LIMIT if "StateMachine" in file.name else FILE_LIMIT
        if len(lines) > limit:
            faults.append(f"{file}: {len(lines)} lines, at most {limit}: cut it by noun")
        faults += [f"{file}:{at}: a function of {size} lines, at most {FUNCTION_LIMIT}" for at, size in functions(lines) if size > FUNCTION_LIMIT]
        faults += [f"{file}: the name {part} says nothing" for part in file.parts if EMPTY_NAMES.match(part)]
        for number, line in enumerate(lines, 1):
            if name := EMPTY_ENDINGS.search(line.split("//")[0]):
                faults.append(f"{file}:{number}: the name {name.group(1)} says nothing")
            if UNFINISHED.search(line):
                faults.append(f"{file}:{number}: unfinished: {line.strip()[:80]}")
    print("\n".join(faults))
    return 1 if faults else 0


sys.exit(main())
