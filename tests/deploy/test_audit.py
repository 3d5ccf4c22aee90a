"""The audit of dependencies: what it makes of what pip-audit says."""

import json
import subprocess
import sys

import pytest

from tests.deploy.folder import ROOT
from tests.patience import PATIENCE_SECONDS

SOUND, UNKNOWN = {"name": "a", "version": "1", "vulns": []}, {"name": "b", "skip_reason": "not found"}
BAD = {"name": "c", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"]}]}


@pytest.mark.parametrize(("found", "code", "words"), [
    ({"dependencies": [SOUND]}, 0, "1 of 1 dependencies were audited, 0 are known"),
    ({"dependencies": [SOUND, UNKNOWN]}, 3, "1 of 2 dependencies"),
    ({"dependencies": [UNKNOWN, BAD]}, 1, "c 2 is vulnerable (PYSEC-1); fixed in 3"),
    ({"dependencies": []}, 3, "0 of 0"),
    (None, 3, "cannot be reached"),
])
def test_only_a_known_vulnerability_fails_the_audit(found, code, words, tmp_path):
    (tmp_path / "python").symlink_to(sys.executable)
    asked = tmp_path / "pip-audit"
    asked.write_text(f"#!{sys.executable}\nimport sys\nprint({'' if found is None else json.dumps(found)!r})\n"
                     f"sys.exit({found is None or BAD in found['dependencies']})\n")
    asked.chmod(0o700)
    told = subprocess.run([ROOT / ".ci" / "audit", tmp_path], capture_output=True, text=True, timeout=PATIENCE_SECONDS)

    assert told.returncode == code, told.stderr
    assert words in told.stdout
