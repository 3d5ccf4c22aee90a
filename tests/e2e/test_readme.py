"""The README leads from an installed wheel to a daemon in shadow mode: its commands run as they are written, in order."""

import re
import tomllib

from tests.e2e.test_tutorial import ROOT, play

PAGE = ROOT / "README.md"


def test_the_commands_of_the_readme_work_in_order(tmp_path):
    terminals = play(tmp_path, PAGE)

    assert "support-agent" in (tmp_path / "policy.yaml").read_text()
    assert {"sandbox", "daemon"} == set(terminals.running)


def test_the_readme_installs_the_wheel_of_this_version():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    assert set(re.findall(r"stoker-([\d.]+)-py3-none-any.whl", PAGE.read_text())) == {version}
