"""Holds docs/failures.md to the tests: each `Suite.test` that it names exists, each row of the catalogue names one, and its fuzzers are those that run."""
import pathlib
import re
import sys

TEST = re.compile(r"func (\w+)[(<]")


def tests():
    found = {}
    for file in pathlib.Path("Tests").rglob("*.swift"):
        suite = None
        for line in file.read_text().splitlines():
            if match := re.match(r"\s*(?:@Suite(?:\(.*\))? )?(?:final )?(?:struct|class|enum) (\w+)", line):
                suite = match.group(1)
            elif suite and (match := TEST.search(line)):
                found.setdefault(suite, set()).add(match.group(1))
    return found


def fuzzer_faults(text):
    listed = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    run = re.search(r"^ALL=\((.*)\)", pathlib.Path("Deploy/fuzz").read_text(), re.MULTILINE).group(1).split()
    return [f"the fuzzer {name} is not listed, or is not run" for name in sorted(set(listed) ^ set(run))]


def main():
    known, faults, rows = tests(), [], 0
    for line in pathlib.Path("docs/failures.md").read_text().splitlines():
        if not re.match(r"\| \d", line):
            continue
        rows += 1
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        names = re.findall(r"`(\w+)\.(\w+)`", cells[-1])
        if not names:
            faults.append(f"row {cells[0]} names no test")
        faults += [f"row {cells[0]}: there is no test {suite}.{test}" for suite, test in names if test not in known.get(suite, set())]
    if rows == 0:
        faults.append("docs/failures.md has no rows")
    faults += fuzzer_faults(pathlib.Path("docs/failures.md").read_text())
    print("\n".join(faults))
    return 1 if faults else 0


sys.exit(main())
