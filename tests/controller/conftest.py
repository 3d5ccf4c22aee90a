import pytest

from controller.store.async_store import AsyncStore
from controller.store.state_store import Store


@pytest.fixture
async def store(tmp_path):
    """An empty store in its thread."""
    thread = AsyncStore(Store(tmp_path / "stoker.db"))
    yield thread
    await thread.close()
