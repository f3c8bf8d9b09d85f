"""Reads what the tests told as events, prints of each that failed a regular expression for `--filter`. usage: failed_tests.py EVENTS"""
import json
import re
import sys

failed = {}
for line in open(sys.argv[1], encoding="utf-8", errors="replace"):
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
