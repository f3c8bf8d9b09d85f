"""Reads the output of tests, shows what failed, ends with `N passed, N failed`. usage: test_summary.py LOG EXIT-CODE [LOG-OF-THOSE-RUN-ALONE]"""
import re
import sys


def read(path):
    return open(path, encoding="utf-8", errors="replace").read()


def ended(text, mark, word):
    # A program under test may have written into the middle of a line, so nothing is tied to where a line begins.
    return re.findall(mark + r" Test (?!run\b)(.+?) (?:with \d+ test cases? )?" + word + " after", text)


log, code = read(sys.argv[1]), int(sys.argv[2])
alone = read(sys.argv[3]) if len(sys.argv) > 3 else ""
passed, failed = ended(log, "✔", "passed"), ended(log, "✘", "failed")
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
saved = sorted(set(failed) & set(ended(alone, "✔", "passed")) - set(ended(alone, "✘", "failed")))
for name in saved:
    print(f"passed by itself: {name}")
passed, failed = passed + saved, [name for name in failed if name not in saved]
count = len(failed)
if unfinished and (code != 0 or not re.search(r"Test run with \d+ tests?.* (passed|failed) after", log)):
    for name in sorted(unfinished):
        print(f"never ended: {name}")
    count += len(unfinished)
if code != 0 and count == 0 and not saved or not passed and not failed:
    print("\n".join(log.splitlines()[-30:]))
    count += 1
print(f"{len(passed)} passed, {count} failed")
sys.exit(1 if count else 0)
