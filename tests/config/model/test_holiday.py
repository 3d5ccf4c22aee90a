"""Names of holidays are the same on every machine."""

import os
import subprocess
import sys

import pytest

from config.model.holiday import holidays_of
from tests.patience import PATIENCE_SECONDS


@pytest.mark.parametrize("language", ["de", "fr_FR", "C"])
def test_holiday_names_are_independent_of_the_process_language(language):
    code = "from config.model.holiday import holidays_of; print(holidays_of('DE', 'BY', 2026))"
    environment = os.environ | {"LANGUAGE": language, "LC_ALL": "C.UTF-8"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS)

    assert "Good Friday" in done.stdout
    assert "Karfreitag" not in done.stdout


@pytest.mark.parametrize("country", ["NZ", "ZA", "CZ", "JP", "TH"])
def test_countries_without_a_translation_have_names_too(country):
    assert all(called for _, called in holidays_of(country, None, 2026))
