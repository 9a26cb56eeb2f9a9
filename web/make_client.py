"""Write src/client/api.ts from the service's OpenAPI: the page can't ask for what is not there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WEB = Path(__file__).parent
CONTRACT = WEB.parent / "docs" / "openapi.v1.json"
TARGET = WEB / "src" / "client" / "api.ts"
HEAD = """// Written by web/make_client.py from docs/openapi.v1.json; do not edit.
import { call, part, search } from "./call";
"""
BYTES = "application/octet-stream"
_PLAIN = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


def contract() -> dict[str, Any]:
    """Return the service's OpenAPI; a test keeps that file equal to the service."""
    found: dict[str, Any] = json.loads(CONTRACT.read_text(encoding="utf-8"))
    return found


def client(openapi: dict[str, Any]) -> str:
    """Write the whole client."""
    shapes = [_interface(name, shape) for name, shape in sorted(openapi["components"]["schemas"].items())]
    calls = ["export const api = {", *_calls(openapi["paths"]), "};", ""]
    return "\n".join([HEAD, *shapes, *calls])


def _interface(name: str, shape: dict[str, Any]) -> str:
    if "properties" not in shape:
        return f"export type {name} = {_type(shape)};\n"
    needed = shape.get("required", [])
    lines = [f"export interface {name} {{"]
    for key, value in shape["properties"].items():
        lines += [f"  /** {text} */" for text in [value.get("description")] if text]
        lines.append(f"  {key}{'' if key in needed else '?'}: {_type(value)};")
    return "\n".join([*lines, "}", ""])


def _type(shape: dict[str, Any]) -> str:
    if "$ref" in shape:
        return str(shape["$ref"]).rpartition("/")[2]
    if "const" in shape:
        return json.dumps(shape["const"])
    if "enum" in shape:
        return " | ".join(json.dumps(value) for value in shape["enum"])
    if "anyOf" in shape:
        return " | ".join(_type(one) for one in shape["anyOf"])
    if shape.get("type") == "array":
        return f"Array<{_type(shape.get('items', {}))}>"
    if shape.get("type") == "object":
        return _record(shape)
    return _PLAIN.get(shape.get("type", ""), "unknown")


def _record(shape: dict[str, Any]) -> str:
    keys = _type(shape["propertyNames"]) if "$ref" in shape.get("propertyNames", {}) else "string"
    values = shape.get("additionalProperties")
    record = f"Record<{keys}, {_type(values) if isinstance(values, dict) else 'unknown'}>"
    return record if keys == "string" else f"Partial<{record}>"


def _calls(paths: dict[str, Any]) -> Iterator[str]:
    for path, methods in paths.items():
        for method, asked in methods.items():
            if method in ("get", "post", "put", "delete") and path.startswith("/api/"):
                yield from _call(path, method, asked)


def _call(path: str, method: str, asked: dict[str, Any]) -> Iterator[str]:
    """Write one call; what is no JSON is only an address."""
    inside = [p["name"] for p in asked.get("parameters", []) if p["in"] == "path"]
    inside.sort(key=lambda name: path.index(f"{{{name}}}"))
    query = [p for p in asked.get("parameters", []) if p["in"] == "query"]
    bodies = asked.get("requestBody", {}).get("content", {})
    body = bodies.get("application/json", {}).get("schema")
    answer = asked["responses"].get("200", {}).get("content", {}).get("application/json", {}).get("schema")
    name = re.sub(r"_(\w)", lambda found: found[1].upper(), asked["operationId"])
    typed = [f"{_camel(one)}: string" for one in inside]
    if query:
        typed.append(f"query: {{ {'; '.join(map(_optional, query))} }} = {{}}")
    url = re.sub(r"\{(\w+)\}", lambda found: f"${{part({_camel(found[1])})}}", path)
    address = f"`{url}{'${search(query)}' if query else ''}`"
    if answer is None or BYTES in bodies:
        yield f"  {name}: ({', '.join(typed)}): string => {address},"
        return
    if body is not None:
        typed.append(f"body: {_type(body)}")
    given = f", {'body' if body is not None else 'undefined'}"
    yield f"  {name}: ({', '.join(typed)}): Promise<{_type(answer)}> =>"
    yield f'    call("{method.upper()}", {address}{given if body is not None else ""}),'


def _optional(parameter: dict[str, Any]) -> str:
    return f"{parameter['name']}{'' if parameter.get('required') else '?'}: {_type(parameter['schema'])}"


def _camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)


if __name__ == "__main__":
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(client(contract()), encoding="utf-8")
