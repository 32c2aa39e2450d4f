"""The document of a page: it names everything the page loads, under addresses that browsers may keep for good."""

import re
from urllib.parse import urljoin

import httpx
import pytest

from dashboard.frame import ALONE, ASSETS
from tests.program import Served

IMPORT = re.compile(r'^(?:import|export)\b[^;"]*"(\./[^"]+)";', re.MULTILINE)
FOR_GOOD = "max-age=31536000"


@pytest.fixture
def document(served: Served) -> tuple[str, str]:
    """Its address and text."""
    return f"{served.url}/", httpx.get(served.url).text


def test_all_it_names_is_kept_for_good_and_changes_its_address_with_its_content(
    document: tuple[str, str], served: Served
) -> None:
    address, text = document
    named = [urljoin(address, path) for path in re.findall(r'(?:href|src)="([^"]+)"', text)]
    assert len(named) > 40
    for each in named:
        answer = httpx.head(each) if "/assets/" in each else httpx.get(each)
        assert answer.status_code == 200, each
        assert FOR_GOOD in answer.headers["cache-control"], each
    versions = set(re.findall(r"/assets/(v-[0-9a-f]+)/", text))
    assert len(versions) == 1
    stale = named[0].replace(versions.pop(), "v-000000000000")
    assert FOR_GOOD not in httpx.head(stale).headers["cache-control"]


def test_every_module_that_is_imported_is_named_so_that_none_waits_for_another(document: tuple[str, str]) -> None:
    address, text = document
    named = {urljoin(address, path) for path in re.findall(r'<link rel="modulepreload" href="([^"]+)"', text)}
    entry = re.search(r'<script type="module" src="([^"]+)"', text)
    assert entry
    to_read, imported = [urljoin(address, entry[1])], set()
    while to_read:
        module = to_read.pop()
        if "/vendor/" in module:
            continue
        for path in IMPORT.findall(httpx.get(module).text):
            other = urljoin(module, path)
            if other not in imported:
                imported.add(other)
                to_read.append(other)
    assert imported == named
    assert len(imported) > 20


def test_tables_and_sockets_are_left_out(document: tuple[str, str]) -> None:
    address, text = document
    grid = re.search(r'data-grid="([^"]+)"', text)
    assert grid
    assert "dash_ag_grid" in grid[1]
    assert httpx.get(urljoin(address, grid[1])).status_code == 200
    assert grid[1] not in re.findall(r'src="([^"]+)"', text)
    assert "websocket" not in text


def test_style_sheets_and_scripts_of_the_folder_are_all_there(document: tuple[str, str]) -> None:
    _, text = document
    for file in (*ASSETS.glob("*.css"), *ASSETS.glob("*.js")):
        assert (f'/{file.name}"' in text) is (file.name not in ALONE)
