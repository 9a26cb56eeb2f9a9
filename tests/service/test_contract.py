"""The OpenAPI document is the contract: kept as a file, and held against what the service does."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any, cast

import pytest
from fastapi.testclient import TestClient

from service_kit import finished

CONTRACT = Path(__file__).parents[2] / "docs" / "openapi.v1.json"
TEXT_PATHS = """
post /api/remix
get /api/remix/{session_id}/progress
get /api/remix/{session_id}/status
get /api/remix/{session_id}/audio
head /api/remix/{session_id}/audio
post /api/analyze
get /health
"""
OUR_PATHS = """
post /api/produce
post /api/produce/check
get /api/produce/template
post /api/verify
get /api/presets
post /api/align
post /api/master
post /api/sign-in
post /api/sign-out
put /api/uploads/{name}
get /api/sessions
post /api/remix/{session_id}/refine
get /api/remix/{session_id}/plan
put /api/remix/{session_id}/plan
get /api/remix/{session_id}/stems/{name}
get /api/remix/{session_id}/peaks
get /api/remix/{session_id}/report
get /api/remix/{session_id}/download
delete /api/remix/{session_id}
get /metrics
"""


def schema_of(client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/api/openapi.json").json()
    return found


def test_the_contract_is_the_file(client: TestClient) -> None:
    text = json.dumps(schema_of(client), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    if os.environ.get("STEMWRIGHT_RENEW"):
        CONTRACT.write_text(text, encoding="utf-8")

    assert CONTRACT.read_text(encoding="utf-8") == text, "renew it: STEMWRIGHT_RENEW=1 pytest tests/service"


def test_everything_promised_is_there(client: TestClient) -> None:
    paths = schema_of(client)["paths"]
    there = {f"{method} {path}" for path, methods in paths.items() for method in methods}

    assert there >= set((TEXT_PATHS + OUR_PATHS).split("\n")) - {""}


def test_forms_and_json_take_the_same_choices(client: TestClient) -> None:
    schema = schema_of(client)
    for path, name in (("remix", "RemixRequest"), ("analyze", "AnalyzeRequest"), ("verify", "VerifyRequest")):
        content = schema["paths"][f"/api/{path}"]["post"]["requestBody"]["content"]
        form = set(content["multipart/form-data"]["schema"]["properties"])
        json_fields = set(schema["components"]["schemas"][name]["properties"])
        # what is nested has no place in a form
        assert form == json_fields - {"known_a", "known_b", "plan"}


def test_events_promise_what_steps_found(client: TestClient) -> None:
    fields = schema_of(client)["components"]["schemas"]["EventData"]["properties"]

    assert {"name", "progress", "fraction", "found", "checks", "failed", "cached"} <= set(fields)
    assert all(one["description"] for one in fields.values())


def test_every_operation_has_its_own_name_and_words(client: TestClient) -> None:
    paths = schema_of(client)["paths"]
    found = [operation for methods in paths.values() for operation in methods.values()]
    names = [operation["operationId"] for operation in found]

    assert len(set(names)) == len(names)
    assert all(operation.get("description") for operation in found)


def test_every_refusal_has_one_shape(client: TestClient) -> None:
    paths = schema_of(client)["paths"]
    problem = {"$ref": "#/components/schemas/Problem"}
    for methods in paths.values():
        for operation in methods.values():
            answer = operation["responses"].get("422", {}).get("content", {}).get("application/json", {})
            assert answer.get("schema", problem) == problem


def test_references_lead_somewhere(client: TestClient) -> None:
    schema = schema_of(client)
    text = json.dumps(schema)
    wanted = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}

    assert wanted <= set(schema["components"]["schemas"])


ME = {"Authorization": "Bearer schemathesis-by-its-own-name"}
POLICY = ("positive_data_acceptance", "ignored_auth", "missing_required_header")
"""What a contract can't say: that a digest was uploaded, a session is one's own, a form names no song."""


def test_schemathesis_finds_nothing(client: TestClient, song: bytes) -> None:
    ask_everything(client, song, examples=8)


@pytest.mark.slow
def test_schemathesis_finds_nothing_in_more_examples(client: TestClient, song: bytes) -> None:
    ask_everything(client, song, examples=150)


def ask_everything(client: TestClient, song: bytes, *, examples: int) -> None:
    """Ask every operation with seeded data, often about a session that is there."""
    import schemathesis
    from hypothesis import HealthCheck, Phase, given, seed, settings
    from schemathesis.checks import CHECKS, load_all_checks

    load_all_checks()
    checks = CHECKS.get_by_names([name for name in CHECKS.get_all_names() if name not in POLICY])
    session = finished(client, song, headers=ME)
    schema = schemathesis.openapi.from_asgi("/api/openapi.json", client.app, headers={"Host": "localhost"})
    quiet = settings(
        max_examples=examples, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip

    def ask(case: Any) -> None:
        kinds.add(case.method)
        if "session_id" in case.path_parameters and case.method != "DELETE" and len(str(case.query)) % 2 == 0:
            case.path_parameters["session_id"] = session
        answer = case.call_and_validate(base_url="http://localhost", headers=ME, checks=checks)
        seen[answer.status_code] += 1

    kinds: set[str] = set()
    seen: Counter[int] = Counter()
    for result in schema.get_all_operations():
        seed(7)(quiet(given(case=cast("Any", result).ok().as_strategy())(ask)))()
    assert kinds == {"GET", "HEAD", "POST", "PUT", "DELETE"}
    # not everything was turned away at the door
    assert min(seen[200], seen[404], seen[422]) > examples
