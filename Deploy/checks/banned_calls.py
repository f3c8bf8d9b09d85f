"""Finds calls that Deploy/banned-calls.txt bans. Comments and the texts of string literals do not count."""
import fnmatch
import pathlib
import re
import sys


def rules():
    for number, line in enumerate(pathlib.Path("Deploy/banned-calls.txt").read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = [part.strip() for part in line.split(" | ")]
        if len(parts) != 4 or not parts[3]:
            sys.exit(f"Deploy/banned-calls.txt:{number}: needs PATTERN | WHERE | EXCEPT | REASON")
        yield re.compile(parts[0]), parts[1].split(), [] if parts[2] == "-" else parts[2].split(), parts[3]


def code(line):
    line = re.sub(r'"(?:\\.|[^"\\])*"', '""', line)
    return line.split("//")[0]


def matches(path, patterns):
    return any(fnmatch.fnmatch(path, pattern) for pattern in patterns)


def main():
    banned, faults = list(rules()), []
    for file in sorted(f for folder in ("Sources", "Tests", "Migrations") for f in pathlib.Path(folder).rglob("*.swift")):
        applying = [rule for rule in banned if matches(str(file), rule[1]) and not matches(str(file), rule[2])]
        inside_text = False
        for number, line in enumerate(file.read_text().splitlines(), 1):
            if line.count('"""') % 2:
                inside_text = not inside_text
                continue
            if inside_text:
                continue
            text = code(line)
            faults += [f"{file}:{number}: {line.strip()[:100]}\n    {why}" for pattern, _, _, why in applying if pattern.search(text)]
    print("\n".join(faults))
    return 1 if faults else 0


sys.exit(main())
