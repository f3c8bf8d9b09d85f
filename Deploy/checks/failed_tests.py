"""Reads what the tests told as events, prints of each that failed a regular expression for `--filter`. usage: failed_tests.py EVENTS"""
import json
import pathlib
import re
import sys

failed, events = {}, pathlib.Path(sys.argv[1])
# A process that died before its first test told nothing.
for line in events.read_text(encoding="utf-8", errors="replace").splitlines() if events.exists() else []:
    try:
        record = json.loads(line)
    except ValueError:
        continue
    payload = record.get("payload", {})
    if record.get("kind") != "event" or payload.get("kind") != "issueRecorded" or payload.get("issue", {}).get("isKnown"):
        continue
    # A test's id ends with where it stands in its file, which a filter does not know.
    failed[re.sub(r"/[^/]+\.swift:\d+:\d+$", "", payload.get("testID", ""))] = None
for test in failed:
    print("^" + re.escape(test) + "(/|$)")
