"""Compares the paths in docs/openapi.yaml with the routes that the control plane's sources name.

Each path that the sources spell out must be documented, and each documented path must stand in the sources, as a literal or as the list or
the single document of a resource. Every reference within the document must lead somewhere. Methods, bodies and answers are compared by tests,
against the server itself.
"""
import pathlib
import re
import sys

DOCUMENT, SOURCES, PREFIX = pathlib.Path("docs/openapi.yaml"), pathlib.Path("Sources/ControlPlane"), "/admin/v1/"


def documented():
    return set(re.findall(rf"^  ['\"]?{PREFIX}([^:'\"\s]+)['\"]?:", DOCUMENT.read_text(), re.M))


def spelled():
    literals, resources = set(), set()
    for file in SOURCES.rglob("*.swift"):
        text = file.read_text()
        literals |= {path for path in re.findall(r"\.(?:read\(|(?:c|wideC)hange\(\s*\.\w+,)\s*\"([^\"\\]+)\"", text)}
        resources |= set(re.findall(r"AdminResource\(\s*path: \"([^\"]+)\"", text))
    return literals, resources


def dangling():
    """References to components that there are none of, read by the indentation that the document keeps."""
    head, _, components = DOCUMENT.read_text().partition("\ncomponents:\n")
    section, named = "", set()
    for line in components.splitlines():
        if found := re.match(r"  (\w+):$", line):
            section = found[1]
        elif found := re.match(r"    (\w+):", line):
            named.add(f"{section}/{found[1]}")
    return set(re.findall(r"#/components/(\w+/\w+)", head + components)) - named


def main():
    if not DOCUMENT.exists():
        print(f"{DOCUMENT} is missing")
        return 1
    written, (literals, resources) = documented(), spelled()
    known = literals | resources | {f"{name}/{{id}}" for name in resources}
    faults = [f"{DOCUMENT} lacks {PREFIX}{path}" for path in sorted((literals | resources) - written)]
    faults += [f"{DOCUMENT} names {PREFIX}{path}, which no route serves" for path in sorted(written - known)]
    faults += [f"{DOCUMENT} refers to {name}, which is not there" for name in sorted(dangling())]
    print("\n".join(faults))
    return 1 if faults else 0


sys.exit(main())
