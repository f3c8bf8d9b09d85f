"""Reads the output of `swift test`, shows what failed, ends with `N passed, N failed`. usage: test_summary.py LOG EXIT-CODE"""
import re
import sys

log, code = open(sys.argv[1], encoding="utf-8", errors="replace").read(), int(sys.argv[2])
# A program under test may have written into the middle of a line, so nothing is tied to where a line begins.
passed = re.findall(r"✔ Test (?!run\b)(.+?) (?:with \d+ test cases? )?passed after", log)
failed = re.findall(r"✘ Test (?!run\b)(.+?) (?:with \d+ test cases? )?failed after", log)
skipped = re.findall(r"➜ Test (?!run\b)(.+?) skipped(.*)", log)
started = re.findall(r"◇ Test (?!run\b)(?!case\b)(.+?) started\.", log)

for line in log.splitlines():
    if "recorded an issue" in line or "Caught error" in line or re.match(r"\s*↳ (?!///|Testing Library|Target Platform)", line):
        print(line)
for name, why in skipped:
    print(f"skipped: {name}{why}")
for name in failed:
    print(f"failed: {name}")

unfinished = set(started) - set(passed) - set(failed)
count = len(failed)
if unfinished and (code != 0 or not re.search(r"Test run with \d+ tests?.* (passed|failed) after", log)):
    for name in sorted(unfinished):
        print(f"never ended: {name}")
    count += len(unfinished)
if code != 0 and count == 0 or not passed and not failed:
    print("\n".join(log.splitlines()[-30:]))
    count += 1
print(f"{len(passed)} passed, {count} failed")
sys.exit(1 if count else 0)
