"""The Google Cloud that each test has to itself."""

import pytest

from tests.foreign.google.cloud import google_cloud


@pytest.fixture
async def cloud(tmp_path):
    async with google_cloud(tmp_path) as started:
        yield started
