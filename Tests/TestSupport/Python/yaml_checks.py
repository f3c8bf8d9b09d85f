"""Reads the YAML documents of a file with PyYAML and writes them as a JSON list; or, with --dump, writes the JSON list of a file as YAML documents."""

import json
import sys

import yaml


class Loader(yaml.SafeLoader):
    """Dates stay texts: JSON has none."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, expression) for tag, expression in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}

source, target = sys.argv[-2:]
if "--dump" in sys.argv:
    with open(source, encoding="utf-8") as file, open(target, "w", encoding="utf-8") as out:
        flow = True if "--flow" in sys.argv else False
        yaml.safe_dump_all(json.load(file), out, default_flow_style=flow, allow_unicode=True, width=10_000, sort_keys=False, explicit_start=True)
else:
    with open(source, encoding="utf-8") as file, open(target, "w", encoding="utf-8") as out:
        json.dump(list(yaml.load_all(file, Loader)), out)
