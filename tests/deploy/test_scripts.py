"""The image's recipe and the scripts, by their linters."""

from tests.deploy.folder import ROOT, clean


def test_the_dockerfile_is_sound_by_its_linter():
    assert clean("hadolint", ROOT / "Dockerfile") == ""


def test_scripts_are_sound_by_their_linter():
    scripts = sorted(path for path in (ROOT / ".ci").iterdir() if path.read_text().startswith("#!/usr/bin/env bash"))

    assert scripts
    assert clean("shellcheck", *scripts) == ""
