"""The documents name everything there is: an undocumented feed, layer, KPI or setting fails."""

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

from dashboard.kpis import all_kpis
from dashboard.words import LANGUAGES
from data.settings import Mission, Source
from ingest.feeds import all_feeds
from layers.layer import all_layers

ROOT = Path(__file__).parent.parent
MESSAGES = {lang: json.loads((ROOT / "dashboard" / "messages" / f"{lang}.json").read_text()) for lang in LANGUAGES}


def documented(name: str) -> set[str]:
    """The first cell of each row of the tables in a document."""
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    return set(re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE))


def test_every_feed_is_documented() -> None:
    assert documented("feeds.md") == set(all_feeds())


def test_every_layer_is_documented() -> None:
    assert documented("layers.md") == set(all_layers())


def test_every_kpi_is_documented() -> None:
    assert documented("kpis.md") == {kpi.id for kpi in all_kpis()}


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    settings = {field.name for field in fields(Source)} - {"options", "expected_every_s"}
    settings |= {field.name for field in fields(Mission)} | {
        "expected_every_s",
        "agencies",
        "thresholds",
        "kind",
        "columns",
    }
    settings |= set(re.findall(r"COMMONGROUND_[A-Z_]+", (ROOT / "data" / "settings.py").read_text()))
    assert {name for name in settings if name not in text} == set()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_kpi_has_its_words(lang: str) -> None:
    assert {kpi.id for kpi in all_kpis() if f"kpi.{kpi.id}" not in MESSAGES[lang]} == set()


def test_every_kpi_says_how_it_is_computed() -> None:
    assert {kpi.id for kpi in all_kpis() if len(MESSAGES["en"].get(f"kpi.{kpi.id}.method", "")) < 40} == set()


@pytest.mark.parametrize("lang", LANGUAGES)
def test_translations_name_the_same_parts(lang: str) -> None:
    def parts(text: str) -> set[str]:
        return set(re.findall(r"{(\w+)}", text))

    differing = {key for key, text in MESSAGES[lang].items() if parts(text) != parts(MESSAGES["en"].get(key, ""))}
    assert differing == set()


@pytest.mark.parametrize(
    "file",
    sorted(
        path.relative_to(ROOT).as_posix()
        for path in ROOT.glob("**/*.md")
        if "node_modules" not in path.parts and not path.relative_to(ROOT).parts[0].startswith((".", "build", "var"))
    ),
)
def test_links_between_documents_lead_somewhere(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if not link.startswith("http")]
    assert [link for link in links if not ((ROOT / file).parent / link).exists()] == []
