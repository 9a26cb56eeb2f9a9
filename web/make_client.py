"""Write src/client/api.ts from the service's OpenAPI: the page can't ask for what is not there."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parent / "src" / "client" / "api.ts"
HEAD = '// Written by web/make_client.py from the service\'s OpenAPI; do not edit.\nimport { call, part, search } from "./call";\n'
_PLAIN = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


def contract() -> dict[str, Any]:
    """Return the OpenAPI of the service as it is now."""
    from stemwright.service import ServiceSettings, create_app

    with tempfile.TemporaryDirectory() as name:
        found: Any = create_app(None, ServiceSettings(data=Path(name)), files=object()).openapi()  # type: ignore[arg-type]
    return _whole(dict(found))


def _whole(openapi: dict[str, Any]) -> dict[str, Any]:
    """Add shapes of requests that are only referred to: their routes read the body themselves."""
    from stemwright.service import schemas

    known = openapi["components"]["schemas"]
    for name in sorted(set(re.findall(r"#/components/schemas/(\w+)", json.dumps(openapi))) - set(known)):
        shape = getattr(schemas, name).model_json_schema(ref_template="#/components/schemas/{model}")
        known |= shape.pop("$defs", {}) | {name: shape}
    return openapi


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
    body = asked.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    answer = asked["responses"].get("200", {}).get("content", {}).get("application/json", {}).get("schema")
    is_json = answer is not None and "application/octet-stream" not in asked.get("requestBody", {}).get("content", {})
    name = re.sub(r"_(\w)", lambda found: found[1].upper(), asked["operationId"])
    typed = [f"{_camel(one)}: string" for one in inside]
    if query:
        fields = "; ".join(f"{p['name']}{'' if p.get('required') else '?'}: {_type(p['schema'])}" for p in query)
        typed.append(f"query: {{ {fields} }} = {{}}")
    url = re.sub(r"\{(\w+)\}", lambda found: f"${{part({_camel(found[1])})}}", path)
    address = f"`{url}{'${search(query)}' if query else ''}`"
    if not is_json:
        yield f"  {name}: ({', '.join(typed)}): string => {address},"
        return
    if body is not None:
        typed.append(f"body: {_type(body)}")
    given = f", {'body' if body is not None else 'undefined'}"
    yield f"  {name}: ({', '.join(typed)}): Promise<{_type(answer)}> =>"
    yield f'    call("{method.upper()}", {address}{given if body is not None else ""}),'


def _camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda found: found[1].upper(), name)


if __name__ == "__main__":
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(client(contract()), encoding="utf-8")
