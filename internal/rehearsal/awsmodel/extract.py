#!/usr/bin/env python3
"""Cut the API models of the rehearsal's operations out of botocore's.

Usage: extract.py <botocore package directory>

Writes bedrock.json and bedrock-runtime.json beside this script: the named
operations, the shapes they reach, no documentation texts. The version of
botocore is written into each file, so that a refresh shows in the diff.
"""

import gzip
import json
import pathlib
import re
import sys

OPERATIONS = {
    "bedrock": (
        "2023-04-20",
        [
            "CreateModelCustomizationJob",
            "GetModelCustomizationJob",
            "StopModelCustomizationJob",
            "ListModelCustomizationJobs",
            "GetFoundationModel",
            "GetFoundationModelAvailability",
            "ListFoundationModels",
            "GetCustomModel",
            "ListCustomModels",
            "DeleteCustomModel",
            "CreateProvisionedModelThroughput",
            "GetProvisionedModelThroughput",
            "UpdateProvisionedModelThroughput",
            "DeleteProvisionedModelThroughput",
            "ListProvisionedModelThroughputs",
            "CreateCustomModelDeployment",
            "GetCustomModelDeployment",
            "UpdateCustomModelDeployment",
            "DeleteCustomModelDeployment",
            "ListCustomModelDeployments",
            "TagResource",
            "UntagResource",
            "ListTagsForResource",
        ],
    ),
    "bedrock-runtime": (
        "2023-09-30",
        ["Converse", "ConverseStream", "InvokeModel", "InvokeModelWithResponseStream"],
    ),
}


def without_documentation(node):
    """Drop every documentation text, and nothing that only shares the name."""
    if isinstance(node, dict):
        return {
            key: without_documentation(value)
            for key, value in node.items()
            if not (key == "documentation" and isinstance(value, str))
        }
    if isinstance(node, list):
        return [without_documentation(item) for item in node]
    return node


def references(shape):
    """Yield the names of the shapes that shape refers to directly."""
    for member in shape.get("members", {}).values():
        yield member["shape"]
    for part in ("member", "key", "value"):
        if part in shape:
            yield shape[part]["shape"]


def reachable(shapes, roots):
    """Return the shapes that can be reached from roots, sorted by name."""
    seen, waiting = set(), list(roots)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(references(shapes[name]))
    return {name: shapes[name] for name in sorted(seen)}


def extract(model, names):
    """Return the part of a service model that the named operations need."""
    operations = {name: model["operations"][name] for name in sorted(names)}
    roots = []
    for operation in operations.values():
        roots += [operation[side]["shape"] for side in ("input", "output") if side in operation]
        roots += [error["shape"] for error in operation["errors"]]
    return {
        "metadata": model["metadata"],
        "operations": operations,
        "shapes": reachable(model["shapes"], roots),
    }


def one_line_an_entry(result):
    """Render with one operation and one shape a line, so that diffs are read."""
    parts = []
    for key, value in result.items():
        if key in ("operations", "shapes"):
            lines = [f"  {json.dumps(name)}: {json.dumps(entry)}" for name, entry in value.items()]
            parts.append(f" {json.dumps(key)}: {{\n" + ",\n".join(lines) + "\n }")
        else:
            parts.append(f" {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main():
    botocore = pathlib.Path(sys.argv[1])
    init = (botocore / "__init__.py").read_text(encoding="utf-8")
    version = re.search(r"__version__ = '([^']+)'", init).group(1)
    for service, (api_version, names) in OPERATIONS.items():
        source = botocore / "data" / service / api_version / "service-2.json.gz"
        with gzip.open(source, "rt", encoding="utf-8") as stream:
            model = without_documentation(json.load(stream))
        result = {"source": f"botocore {version} data/{service}/{api_version}/service-2.json"}
        result.update(extract(model, names))
        target = pathlib.Path(__file__).parent / f"{service}.json"
        target.write_text(one_line_an_entry(result), encoding="utf-8")


if __name__ == "__main__":
    main()
