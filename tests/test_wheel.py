"""The wheel, installed where the checkout is not, starts and serves with everything a browser asks for."""

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import httpx
import pytest

from tests import program
from tests.conftest import ROOT


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second environment with the wheel in it; it borrows the dependencies of this one, not the checkout."""
    folder = tmp_path_factory.mktemp("elsewhere")
    offline = ["--quiet", "--no-deps", "--no-index", "--disable-pip-version-check"]
    pip = [sys.executable, "-m", "pip"]
    subprocess.run([*pip, "wheel", *offline, "--no-build-isolation", "--wheel-dir", folder, ROOT], check=True)
    venv.create(folder / "env", with_pip=False)
    python = folder / "env" / "bin" / "python"
    libraries = sysconfig.get_path("purelib", vars={"base": str(folder / "env"), "platbase": str(folder / "env")})
    # Python reads .pth files in its own site folder alone, so the editable install of the checkout is not borrowed.
    Path(libraries, "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    [wheel] = folder.glob("*.whl")
    subprocess.run([sys.executable, "-m", "pip", "--python", python, "install", *offline, wheel], check=True)
    return folder / "env"


def test_the_wheel_serves_outside_the_checkout(elsewhere: Path, home: Path) -> None:
    installed = subprocess.run(
        [elsewhere / "bin" / "python", "-c", "import app; print(app.__file__)"],
        cwd=home, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert str(elsewhere) in installed
    with program.serving(home, program=elsewhere / "bin" / "commonground") as server:
        for path in (
            "/",
            "/assets/main.mjs",
            "/assets/vendor/maplibre-gl/maplibre-gl.mjs",
            "/assets/vendor/base/0/0/0.pbf",
            "/assets/vendor/noto-sans-arabic/noto-sans-arabic-arabic-400-normal.woff2",
        ):
            answer = httpx.get(server.url + path, follow_redirects=True)
            assert (answer.status_code, bool(answer.content)) == (200, True), path
