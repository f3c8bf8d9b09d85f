"""Holds the house in its shape: who may import whom, and who may import full Foundation. Reads Package.swift and the imports; builds nothing."""
import pathlib
import re
import sys

# For each target of ours, the targets that it may use. A target that is missing here is a fault: think about its place first.
MAY_USE = {
    "HTTPWire": "CPlatform",
    "OpenAIWire": "HTTPWire",
    "PlimsollWire": "",
    "Cryptography": "COpenSSL",
    "Domain": "Cryptography",
    "Postgres": "CLibpq",
    "Migrations": "",
    "CPlatform": "",
    "CReactor": "",
    "Reactor": "CReactor",
    "Outbound": "CLibcurl",
    "Telemetry": "CPlatform",
    "Exchange": "HTTPWire Reactor",
    "Link": "Exchange HTTPWire Cryptography",
    "Program": "HTTPWire Telemetry CPlatform",
    "ControlPlane": "Domain PlimsollWire Postgres Migrations Cryptography Telemetry HTTPWire Outbound OpenAIWire",
    "Console": "Domain PlimsollWire",
    "Gateway": "CPlatform Domain PlimsollWire OpenAIWire HTTPWire Reactor Exchange Link Outbound Cryptography Telemetry",
    "Agent": "CPlatform Domain PlimsollWire HTTPWire Exchange Link Outbound Cryptography Telemetry",
    "Commands": "Domain Cryptography PlimsollWire Outbound HTTPWire Program Telemetry CPlatform",
    "SimulatedRuntime": "",
    "plimsoll": "Commands",
    "plimsoll-control": "ControlPlane Console Program Domain PlimsollWire Postgres Migrations Cryptography Telemetry CPlatform",
    "plimsoll-gateway": "Gateway Domain Outbound Program Exchange Link PlimsollWire Cryptography Telemetry CPlatform",
    "plimsoll-agent": "Agent Domain Outbound Program Exchange Link PlimsollWire Cryptography Telemetry CPlatform",
    "plimsoll-simulated-runtime": "SimulatedRuntime Program",
    "plimsoll-bench": "CEpoll Domain Cryptography",
}
# Full Foundation brings its own internationalisation data, 34 MB of it, and its start-up time.
MAY_USE_FOUNDATION = {"Commands", "plimsoll", "plimsoll-bench", "TestSupport", "EndToEndTests"}
# Code for tests and drills stays out of what is shipped.
NEVER_SHIPPED = {"TestSupport", "SimulatedRuntime"}
SHIPPED_LEAVES = {"plimsoll", "plimsoll-control", "plimsoll-gateway", "plimsoll-agent"}

IMPORT = re.compile(r"^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:public |package |internal |private |fileprivate )?import (?:struct |class |enum |func |protocol )?([A-Za-z_]\w*)", re.M)


def manifest():
    text = pathlib.Path("Package.swift").read_text()
    targets = {}
    starts = list(re.finditer(r"\.(target|executableTarget|testTarget)\(\s*name: \"([^\"]+)\"", text))
    for start, next_one in zip(starts, starts[1:] + [None]):
        kind, name = start.groups()
        body = text[start.end():next_one.start() if next_one else len(text)]
        depends = re.search(r"dependencies: \[(.*?)\]", body, re.S)
        path = re.search(r"path: \"([^\"]+)\"", body)
        folder = path.group(1) if path else ("Tests/" if kind == "testTarget" else "Sources/") + name
        targets[name] = (kind, folder, set(re.findall(r"\"([^\"]+)\"", depends.group(1))) if depends else set())
    return targets


def imports(folder):
    found = {}
    for file in sorted(pathlib.Path(folder).rglob("*.swift")):
        for module in IMPORT.findall(file.read_text()):
            found.setdefault(module, file)
    return found


def main():
    targets, faults = manifest(), []
    modules = {name.replace("-", "_"): name for name in targets} | {c: c for c in ("CLibpq", "COpenSSL", "CLibcurl", "CEpoll")}
    for name, (kind, folder, declared) in targets.items():
        used = {modules[m]: file for m, file in imports(folder).items() if m in modules and modules[m] != name}
        for other, file in used.items():
            if other not in declared:
                faults.append(f"{file}: imports {other}, which Package.swift does not give to {name}")
        if kind == "testTarget" or name == "TestSupport":
            continue
        if name not in MAY_USE:
            faults.append(f"{name}: has no place in Deploy/checks/directions.py")
            continue
        for other in sorted((declared & set(modules.values()) | set(used)) - set(MAY_USE[name].split())):
            faults.append(f"{name} must not use {other}")
        if name in SHIPPED_LEAVES | set(MAY_USE) - {"SimulatedRuntime", "plimsoll-simulated-runtime", "plimsoll-bench"}:
            faults += [f"{name} is shipped and must not use {other}" for other in declared & NEVER_SHIPPED]
    for name, (kind, folder, _) in targets.items():
        file = imports(folder).get("Foundation")
        if file and kind != "testTarget" and name not in MAY_USE_FOUNDATION:
            faults.append(f"{file}: full Foundation; FoundationEssentials is enough for {name}")
    print("\n".join(faults))
    return 1 if faults else 0


sys.exit(main())
