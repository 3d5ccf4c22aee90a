"""The image's recipe and the scripts, by their linters."""

from tests.deploy.folder import ROOT, clean


def test_hadolint_finds_nothing_in_the_dockerfile():
    assert clean("hadolint", ROOT / "Dockerfile") == ""


def test_shellcheck_finds_nothing_in_the_scripts():
    scripts = sorted(path for path in (ROOT / ".ci").iterdir() if path.read_text().startswith("#!/usr/bin/env bash"))

    assert scripts
    assert clean("shellcheck", *scripts) == ""
