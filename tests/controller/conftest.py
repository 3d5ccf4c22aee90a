import pytest

from controller.memory import StoreThread
from controller.store import Store


@pytest.fixture
async def store(tmp_path):
    """An empty store in its thread."""
    thread = StoreThread(Store(tmp_path / "stoker.db"))
    yield thread
    await thread.close()
