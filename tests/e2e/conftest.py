"""What takes half a minute and mostly waits begins with the first of these tests and goes on beside them."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest


@pytest.fixture(scope="session", autouse=True)
def plays(request, tmp_path_factory):
    """What comes of `play(folder, environment)` of each module that has one and whose `played` some test wants, by module: a
    future. One is played after the other, in the order of the tests.
    """
    wanted = [item.module for item in request.session.items if "played" in getattr(item, "fixturenames", ())]
    modules = {module.__name__: module for module in wanted if hasattr(module, "play")}
    with ThreadPoolExecutor(1) as player:
        yield {name: player.submit(module.play, tmp_path_factory.mktemp("played"), dict(os.environ))
               for name, module in modules.items()}
