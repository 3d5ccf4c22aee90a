"""Record the commit in the wheel and in the sdist, where git cannot be asked later."""

import os
from pathlib import Path
from runpy import run_path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PLACES = {"wheel": "controller/cli/commit", "sdist": "COMMIT"}


class CommitHook(BuildHookInterface):
    """Build hook that adds the file from which `stoker --version` reads the commit."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Write the record to a temporary folder and include it. An editable install has none: it asks git."""
        if version == "editable":
            return
        self.folder = TemporaryDirectory()
        record = Path(self.folder.name) / "commit"
        record.write_text(f"{commit(Path(self.root))}\n", encoding="ascii")
        build_data["force_include"][str(record)] = PLACES[self.target_name]

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002  (hatchling's signature)
        """Remove the temporary folder."""
        if version != "editable":
            self.folder.cleanup()


def commit(root: Path) -> str:
    """Return `STOKER_COMMIT`, set where the repository is missing (the image); else the sdist's record; else git's answer."""
    if given := os.environ.get("STOKER_COMMIT"):
        return given
    if (record := root / PLACES["sdist"]).exists():
        return record.read_text(encoding="ascii").strip()
    described = run_path(str(root / "controller" / "cli" / "build.py"))["described"]  # the package needs more than a build has
    return str(described(root))
