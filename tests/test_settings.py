"""Settings: what is wrong is one sentence that names the file, the key and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from data.records import Sensitivity
from data.settings import BadSettings, load, span_s

SOURCE = '[[source]]\nname = "s"\nfeed = "acled"\n'


def settings(home: Path, text: str = "", **environment: str) -> object:
    (home / "commonground.toml").write_text(text, encoding="utf-8")
    return load({"COMMONGROUND_HOME": str(home), **environment})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[mission", "is not TOML"),
        ("[mision]\n", "'mision'"),
        ('[mission]\nnam = "x"\n', "'nam' in [mission]"),
        ('[mission]\ntimezone = "Mars/Olympus"\n', "Africa/Nairobi"),
        ("[mission]\nbbox = [1, 2]\n", "[west, south, east, north]"),
        ('[mission]\nexercise = "yes"\n', "true or false"),
        ("[[source]]\nfeed = 'acled'\n", "has no name"),
        ("[[source]]\nname = 's'\n", "has no feed"),
        (SOURCE + SOURCE, "used twice"),
        (SOURCE + 'expected = "soon"\n', '"15min"'),
        (SOURCE + 'sensitivity = "secret"\n', "low, moderate, high, severe"),
        (SOURCE + 'releasable_to = "mission"\n', "list of agency names"),
        (SOURCE + 'agency = "mission"\n', "name an agency"),
        (SOURCE + 'agency = "*"\n', "name an agency"),
        ('[thresholds]\nfacilities_open = "all"\n', "use a number"),
    ],
)
def test_bad_settings_say_what_is_wrong(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(BadSettings) as refused:
        settings(tmp_path, text)
    assert told in str(refused.value)
    assert "commonground.toml" in str(refused.value)
    assert "\n" not in str(refused.value).split("is not TOML")[0]


def test_the_environment_is_checked_too(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="COMMONGROUND_PORT"):
        settings(tmp_path, COMMONGROUND_PORT="http")
    with pytest.raises(BadSettings, match="COMMONGROUND_DATABASE_URL"):
        settings(tmp_path, COMMONGROUND_DATABASE_URL="mysql://x")


def test_a_source_without_marks_is_high_and_owner_only(tmp_path: Path) -> None:
    (tmp_path / "commonground.toml").write_text(SOURCE + 'expected = "6h"\nkind = "incident"\n', encoding="utf-8")
    source = load({"COMMONGROUND_HOME": str(tmp_path)}).sources["s"]
    assert (source.sensitivity, source.releasable_to) == (Sensitivity.high, ())
    assert source.expected_every_s == 21_600
    assert source.options == {"kind": "incident"}


def test_spans() -> None:
    assert [span_s(text) for text in ("30s", "15min", "6h", "1d", "1w", "1.5h")] == [
        30,
        900,
        21_600,
        86_400,
        604_800,
        5_400,
    ]
    assert [span_s(text) for text in ("", "soon", "h", "-1h", "1y")] == [None] * 5


def test_the_command_line_exits_2_with_the_sentence(home: Path, commonground: object) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / "commonground.toml").write_text("[mission]\nnam = 1\n", encoding="utf-8")
    done = commonground("status")  # type: ignore[operator]
    assert done.returncode == 2
    assert "'nam' in [mission] is not a setting" in done.stderr
