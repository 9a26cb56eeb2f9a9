"""The real SDKs against a server on loopback: every way to fail, and to succeed."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import logging
import socket
import time
from dataclasses import replace
from typing import Any

import pytest
from pydantic import SecretStr

from planning.llm_server import DRAFT, Reply, Server, serve
from planning.made import pair, plan
from stemwright.planning.llm import (
    LlmContext,
    LlmPlan,
    LlmProvider,
    LlmSettings,
    plan_with_llm,
    refine_with_llm,
)
from stemwright.planning.plan import Clause, ClauseKind, RemixPlan, SongId
from stemwright.planning.validate import validate

SECRET = "sk-test-5f1d7c0ffee-very-secret"
FACTS = pair()
CONTEXT = LlmContext(FACTS)
BOTH = [LlmProvider.ANTHROPIC, LlmProvider.OPENAI]
QUICK = LlmSettings(
    api_key=SecretStr(SECRET), model="test-model", timeouts_s=(3.0, 3.0), budget_s=8.0, backoff_s=0.01
)


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever tries to leave this machine fails the test."""
    connect, resolve = socket.socket.connect, socket.getaddrinfo

    def guarded(self: socket.socket, address: Any) -> Any:
        assert address[0] in ("127.0.0.1", "::1"), f"tried to reach {address}"
        return connect(self, address)

    def resolved(host: Any, *args: Any, **kwargs: Any) -> Any:
        assert host in ("127.0.0.1", "::1", "localhost", None), f"tried to look {host} up"
        return resolve(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", guarded)
    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def settings_for(provider: LlmProvider, server: Server, **changes: Any) -> LlmSettings:
    url = server.url if provider is LlmProvider.ANTHROPIC else f"{server.url}/v1"
    return replace(QUICK, provider=provider, base_url=url, **changes)


def offline() -> RemixPlan:
    made = plan(FACTS)
    clause = Clause(kind=ClauseKind.VOCALS_FROM, text="A's vocals", song=SongId.A)
    return made.model_copy(update={"clauses": [clause], "explanation": "Made offline."})


def ask(provider: LlmProvider, replies: list[Reply], **changes: Any) -> tuple[LlmPlan, Server]:
    with serve(replies) as server:
        settings = settings_for(provider, server, **changes)
        made = plan_with_llm("A's vocals over B", context=CONTEXT, settings=settings, offline=offline)
    return made, server


@pytest.mark.parametrize("provider", BOTH)
def test_success(provider: LlmProvider) -> None:
    made, server = ask(provider, [Reply(draft=DRAFT)])
    assert not made.plan.used_fallback
    assert made.plan.explanation == "A sings over B."
    assert [section.label for section in made.plan.sections] == ["intro", "main", "outro"]
    assert made.plan.clauses == offline().clauses  # what is measured doesn't come from who is measured
    assert validate(made.plan, facts=FACTS).plan == made.plan
    ((path, headers, body),) = server.requests
    assert path == ("/v1/messages" if provider is LlmProvider.ANTHROPIC else "/v1/chat/completions")
    assert SECRET in str(headers)  # the one place where the key belongs
    assert SECRET not in json.dumps(body)
    assert json.dumps("A's vocals over B") in json.dumps(body).encode().decode("unicode_escape")


@pytest.mark.parametrize("provider", BOTH)
def test_the_validators_messages_go_back_to_the_model(provider: LlmProvider) -> None:
    short = {
        **DRAFT,
        "sections": [{**DRAFT["sections"][1], "drums": 1.7}, {**DRAFT["sections"][2], "beats": 2}],
    }
    made, server = ask(provider, [Reply(draft=short), Reply(draft=DRAFT)])
    assert not made.plan.used_fallback
    assert len(made.plan.sections) == 3
    assert made.notices == tuple(n for n in made.notices if "voice may be heard" in n.text)
    sent_back = json.dumps(server.requests[1][2])
    assert "1.7 became 1" in sent_back
    assert "outro" in sent_back


@pytest.mark.parametrize("provider", BOTH)
def test_a_schema_error_goes_back_too(provider: LlmProvider) -> None:
    made, server = ask(provider, [Reply(draft={**DRAFT, "tempo": "furious"}), Reply(draft=DRAFT)])
    assert not made.plan.used_fallback
    assert "tempo" in json.dumps(server.requests[1][2]["messages"][-1])


def test_what_is_still_wrong_after_a_correction_is_repaired_and_told() -> None:
    loud = {**DRAFT, "ducking_db": -40.0}
    made, server = ask(LlmProvider.ANTHROPIC, [Reply(draft=loud)])
    assert len(server.requests) == 2
    assert made.plan.ducking_db == -12.0
    assert any("ducking_db" in notice.text for notice in made.notices)


FAILURES: list[tuple[str, list[Reply], str, int]] = [
    ("wrong key", [Reply(status=401, text=f"Incorrect key: {SECRET}")], "accept the key (401)", 1),
    ("forbidden", [Reply(status=403, text=SECRET)], "accept the key (403)", 1),
    ("no credit", [Reply(status=402)], "no credit left", 1),
    ("unknown model", [Reply(status=404)], "does not know this model", 1),
    ("bad request", [Reply(status=400, text=f"bad {SECRET}")], "did not accept the question (400)", 1),
    ("busy", [Reply(status=429)], "too busy to answer (429)", 3),
    ("broken", [Reply(status=500)], "fault of its own (500)", 3),
    ("overloaded", [Reply(status=529)], "fault of its own (529)", 3),
    ("refusal", [Reply(text="No.", stop="refusal")], "declined", 1),
    ("cut off", [Reply(draft={"vocal_song": "A"}, stop="length")], "cut off", 1),
    ("prose", [Reply(text="What a lovely idea! Song A is great.")], "could not be used", 3),
    ("wrong fields", [Reply(draft={"hello": "world"})], "could not be used", 3),
    ("silent plan", [Reply(draft={**DRAFT, "sections": [
        {"label": "main", "beats": 64, "vocals": 0, "drums": 0, "bass": 0, "other": 0}]})],
     "could not be used", 3),
    ("not JSON", [Reply(raw=b"<html>proxy says hello</html>")], "The offline planner was used", 1),
    ("empty", [Reply(raw=b"{}")], "The offline planner was used", 1),
]  # fmt: skip


@pytest.mark.parametrize("provider", BOTH)
@pytest.mark.parametrize(
    ("replies", "said", "requests"), [row[1:] for row in FAILURES], ids=[row[0] for row in FAILURES]
)
def test_every_failure_ends_offline_and_says_why(
    provider: LlmProvider, replies: list[Reply], said: str, requests: int
) -> None:
    made, server = ask(provider, replies)
    assert made.plan == offline().model_copy(update={"used_fallback": True})
    (notice,) = made.notices
    assert said in notice.text
    assert notice.text.endswith("The offline planner was used instead.")
    assert len(server.requests) == requests
    assert SECRET not in notice.text


@pytest.mark.parametrize("provider", BOTH)
def test_truncated_arguments(provider: LlmProvider) -> None:
    cut = json.dumps(DRAFT)[:80] if provider is LlmProvider.OPENAI else {}
    made, server = ask(provider, [Reply(draft=cut, stop="length")])
    assert made.plan.used_fallback
    assert "cut off" in made.notices[0].text
    assert len(server.requests) == 1


@pytest.mark.parametrize("provider", BOTH)
@pytest.mark.parametrize("status", [429, 500, 529])
def test_a_passing_fault_is_outwaited(provider: LlmProvider, status: int) -> None:
    made, server = ask(provider, [Reply(status=status), Reply(draft=DRAFT)])
    assert not made.plan.used_fallback
    assert len(server.requests) == 2


def test_the_server_names_the_pause() -> None:
    started = time.monotonic()
    made, _ = ask(LlmProvider.OPENAI, [Reply(status=429, headers={"retry-after": "1"}), Reply(draft=DRAFT)])
    assert not made.plan.used_fallback
    assert time.monotonic() - started >= 1.0


def test_a_pause_beyond_the_budget_ends_in_time() -> None:
    started = time.monotonic()
    busy = Reply(status=429, headers={"retry-after": "3600"})
    made, _ = ask(LlmProvider.ANTHROPIC, [busy], budget_s=0.6)
    assert made.plan.used_fallback
    assert "in time" in made.notices[0].text
    assert time.monotonic() - started < 6.0  # against 3600


@pytest.mark.parametrize("provider", BOTH)
def test_a_slow_server_costs_no_more_than_the_budget(provider: LlmProvider) -> None:
    started = time.monotonic()
    made, server = ask(provider, [Reply(wait_s=30.0)], timeouts_s=(0.3, 0.6), budget_s=5.0)
    assert made.plan.used_fallback
    assert "did not answer in time" in made.notices[0].text
    assert len(server.requests) <= 2
    assert time.monotonic() - started < 5.0  # against 30


def test_retries_never_multiply_beyond_the_budget() -> None:
    started = time.monotonic()
    made, _ = ask(LlmProvider.OPENAI, [Reply(wait_s=30.0)], timeouts_s=(9.0, 9.0), tries=5, budget_s=0.5)
    assert made.plan.used_fallback
    assert time.monotonic() - started < 6.0  # against 5 × 9


def test_a_second_chance_for_a_slow_answer() -> None:
    made, _ = ask(LlmProvider.OPENAI, [Reply(wait_s=20.0), Reply(draft=DRAFT)], timeouts_s=(1.0, 5.0))
    assert not made.plan.used_fallback


def test_nobody_listens() -> None:
    with serve([Reply()]) as server:
        settings = settings_for(LlmProvider.OPENAI, server)
    made = plan_with_llm("hi", context=CONTEXT, settings=settings, offline=offline)
    assert "could not be reached" in made.notices[0].text


def test_a_fault_in_the_middle_keeps_the_last_good_version() -> None:
    loud = {**DRAFT, "ducking_db": -40.0}
    made, _ = ask(LlmProvider.ANTHROPIC, [Reply(draft=loud), Reply(status=401)])
    assert not made.plan.used_fallback
    assert "last version" in made.notices[0].text
    assert made.plan.ducking_db == -12.0


def test_a_name_server_that_hangs_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def hanging(*_: Any, **__: Any) -> list[Any]:
        time.sleep(3.0)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    monkeypatch.setattr("stemwright.planning.llm_client.GRACE_S", 0.1)
    lost = replace(QUICK, provider=LlmProvider.OPENAI, base_url="http://llm.invalid/v1", budget_s=0.3)
    started = time.monotonic()
    made = plan_with_llm("hi", context=CONTEXT, settings=lost, offline=offline)
    assert "in time" in made.notices[0].text
    assert time.monotonic() - started < 2.5


def test_no_key_and_no_package_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    keyless = replace(QUICK, api_key=None)
    made = plan_with_llm("hi", context=CONTEXT, settings=keyless, offline=offline)
    assert "ANTHROPIC_API_KEY" in made.notices[0].text
    found = importlib.util.find_spec
    monkeypatch.setattr(
        "stemwright.planning.llm_client.find_spec",
        lambda name: None if name == "anthropic" else found(name),
    )
    made = plan_with_llm("hi", context=CONTEXT, settings=QUICK, offline=offline)
    assert made.plan.used_fallback
    assert "stemwright[llm]" in made.notices[0].text


def test_a_local_server_needs_no_key() -> None:
    made, server = ask(LlmProvider.OLLAMA, [Reply(draft=DRAFT)], api_key=None)
    assert not made.plan.used_fallback
    path, _, body = server.requests[0]
    assert path == "/v1/chat/completions"
    assert body["max_tokens"] == 8_000
    assert body["tool_choice"] == "required"


def test_a_nonsense_address_is_a_notice() -> None:
    odd = replace(QUICK, provider=LlmProvider.OPENAI, base_url="not a url")
    made = plan_with_llm("hi", context=CONTEXT, settings=odd, offline=offline)
    assert made.plan.used_fallback


@pytest.mark.parametrize("provider", BOTH)
@pytest.mark.parametrize("status", [200, 401, 400, 500])
def test_keys_reach_nothing_but_the_header(
    provider: LlmProvider,
    status: int,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    reply = Reply(draft=DRAFT, status=status, text=f"the key {SECRET} is wrong" if status != 200 else "")
    made, server = ask(provider, [reply])
    printed = capfd.readouterr()
    settings = settings_for(provider, server)
    everything = [
        caplog.text, printed.out, printed.err, repr(made), json.dumps(made.plan.as_dict()), repr(settings),
        str(settings), settings.name, str([notice.as_dict() for notice in made.notices]),
        *(json.dumps(body) for _, _, body in server.requests),
        *(str(record.__dict__) for record in caplog.records),
    ]  # fmt: skip
    assert caplog.records  # the SDKs did log something
    assert not any(SECRET in text for text in everything)


def test_a_bad_key_leaves_no_trace_in_an_exception() -> None:
    from stemwright.planning.llm_client import LlmFailureError, Question, converse

    with serve([Reply(status=401, text=SECRET)]) as server, pytest.raises(LlmFailureError) as caught:
        converse(Question("be brief", "hi", lambda _: ""), settings=settings_for(LlmProvider.OPENAI, server))
    error: BaseException | None = caught.value
    assert error is not None
    assert error.__cause__ is None
    assert error.__context__ is None  # a traceback shows nothing of the server's words
    assert SECRET not in repr(error)


@pytest.mark.parametrize("provider", BOTH)
def test_refinement(provider: LlmProvider) -> None:
    before = plan(FACTS)
    louder = {**DRAFT, "explanation": "Drums are louder."}
    with serve([Reply(draft=louder)]) as server:
        made = refine_with_llm(
            before,
            "drums louder",
            context=LlmContext(FACTS, seed=7),
            settings=settings_for(provider, server),
            offline=lambda: before,
        )
    assert made.plan.explanation == "Drums are louder."
    assert made.plan.seed == 7
    assert "Arrangement now" in json.dumps(server.requests[0][2])


def test_refinement_falls_back_too() -> None:
    before = plan(FACTS)
    with serve([Reply(status=401)]) as server:
        settings = settings_for(LlmProvider.OPENAI, server)
        made = refine_with_llm(before, "louder", context=CONTEXT, settings=settings, offline=lambda: before)
    assert made.plan.used_fallback
    assert made.plan.sections == before.sections


def test_inside_a_running_event_loop() -> None:
    async def caller() -> LlmPlan:
        return ask(LlmProvider.ANTHROPIC, [Reply(draft=DRAFT)])[0]

    assert not asyncio.run(caller()).plan.used_fallback
