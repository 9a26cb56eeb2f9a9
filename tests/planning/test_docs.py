"""docs/planning.md is true: every prompt and request in its tables does what stands beside it."""

import re
from pathlib import Path

import pytest

from planning.made import pair
from stemwright.planning.offline import plan_offline
from stemwright.planning.refine import refine_offline

DOCS = Path(__file__).parents[2] / "docs" / "planning.md"
FACTS = pair()
BASE = plan_offline("intro, verse, build, drop, breakdown, chorus, outro", facts=FACTS)


def rows(heading: str) -> list[tuple[str, str]]:
    text = DOCS.read_text(encoding="utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    found = re.findall(r"^\| (.+?) \| (.+?) \|$", text, re.MULTILINE)
    return [row for row in found if row[0] not in ("prompt", "request")]


@pytest.mark.parametrize(("prompt", "follows"), rows("Prompts"))
def test_prompts(prompt: str, follows: str) -> None:
    for one in prompt.split(" / "):
        plan = plan_offline(one, facts=FACTS)
        if follows.startswith("warning: "):
            assert any(follows.removeprefix("warning: ") in text for text in plan.warnings), plan.warnings
        else:
            assert not plan.warnings
            assert plan.explanation != plan_offline("", facts=FACTS).explanation
        if follows.startswith("`"):
            assert follows.strip("`") in {str(clause.kind) for clause in plan.clauses}


@pytest.mark.parametrize(("request_", "said"), rows("Refinement"))
def test_requests(request_: str, said: str) -> None:
    assert any(said in change for change in refine_offline(BASE, request_, facts=FACTS).changes)


def test_the_tables_were_read() -> None:
    assert len(rows("Prompts")) > 30
    assert len(rows("Refinement")) >= 10
