#!/usr/bin/python3
"""said.py WHAT [EXPRESSION...]: reads what a task said with --json, which has to be one line and as the schema has
WHAT: show, list, create or failure. Prints each expression of `it`, which is that, on a line of its own."""
import json
import pathlib
import sys

import jsonschema

SCHEMA = json.loads((pathlib.Path(__file__).resolve().parents[2] / "doc/net-admin-helper.schema.json").read_text())


def strict(name):
    """Prints a definition without permission for further fields: this version has no others."""
    copy = json.loads(json.dumps(SCHEMA))
    for part in copy["$defs"].values():
        if part.get("type") == "object":
            part["unevaluatedProperties"] = False
    if name == "list":
        del copy["$defs"]["link"]["unevaluatedProperties"]
        copy["$defs"]["list"]["items"]["unevaluatedProperties"] = False
    copy.pop("anyOf")
    return {**copy, "$ref": f"#/$defs/{name}"}


def main():
    text = sys.stdin.read()
    assert text.endswith("\n") and text.count("\n") == 1, "not one line"
    it = json.loads(text)
    if not sys.argv[2:]:
        jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(it, SCHEMA, jsonschema.Draft202012Validator)
    jsonschema.validate(it, strict(sys.argv[1]), jsonschema.Draft202012Validator)
    for expression in sys.argv[2:]:
        print(eval(expression, {"it": it}))


main()
