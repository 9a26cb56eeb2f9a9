"""What the page is built from: a client that is current, and no address of anybody."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_client_is_written_from_the_contract() -> None:
    spec = importlib.util.spec_from_file_location("make_client", ROOT / "web" / "make_client.py")
    assert spec is not None
    assert spec.loader is not None
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    written = maker.TARGET.read_text("utf-8")

    assert "export const api" in written
    assert maker.client(maker.contract()) == written, "renew it: python web/make_client.py"


def test_the_lock_file_names_no_host() -> None:
    text = (ROOT / "web" / "package-lock.json").read_text("utf-8")

    assert '"integrity"' in text
    assert not re.search(r"https?:|\.(com|org|io|net)\b", text)
