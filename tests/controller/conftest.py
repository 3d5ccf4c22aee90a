import pytest

from controller.store.async_store import StoreThread
from controller.store.state_store import Store


@pytest.fixture
async def store(tmp_path):
    """An empty store in its thread."""
    thread = StoreThread(Store(tmp_path / "stoker.db"))
    yield thread
    await thread.close()
