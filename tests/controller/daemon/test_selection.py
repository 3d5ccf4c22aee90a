"""A running daemon lists the places of its select entries: pools come and leave, and a failure to list keeps them."""

import asyncio
import contextlib
from datetime import timedelta

import aiohttp
import pytest

from adapters.kinds import policy_kinds
from adapters.ports.errors import PermissionDenied
from adapters.runtime.clock import ManualClock
from config.loading.loader import parse_policy
from config.loading.problem import PolicyError, Problem
from controller.daemon.daemon import Daemon
from controller.daemon.policy_file import PolicyFile
from controller.daemon.selection import LIST_EVERY, RETRY_EVERY
from controller.fleet.policy.in_force import PolicyRefused
from tests.builders import NOON
from tests.controller.fleet.selection.test_inventory import survey
from tests.fakes import FakeProviders, FakeSource, steady
from tests.patience import PATIENCE_SECONDS
from tests.services import TOKEN, Running, ticking

SECONDS = timedelta(seconds=5)
FUNCTIONS = ("agent-a", "agent-b", "agent-c", "other")
POLICY = """version: 1
defaults: {{max: 10, mode: active, on_exit: hold}}
select:
  - include: {{name: "{pattern}"}}
    lever: {{kind: lambda-provisioned-concurrency, region: us-east-1}}
    most: {most}
"""
OWN = "pools: [{name: other, lever: {kind: lambda-provisioned-concurrency, region: us-east-1, function: other, alias: live}}]\n"


class Selecting(FakeProviders):
    """`answer`: what a listing returns, an error or the names of functions; None: it does not answer."""

    answer = ()
    listings = 0

    async def survey(self, where, credentials=None, wanted=None):
        self.listings += 1
        if self.answer is None:
            await asyncio.Event().wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return survey(*(name for name in self.answer if wanted.accepts(name, {})))


def parsed(pattern="agent-*", most=10, own=""):
    return parse_policy(POLICY.format(pattern=pattern, most=most) + own, policy_kinds())


class Here(Running):
    """A service, what its file contains, and what listings return."""

    def __init__(self, *parts, providers, file):
        super().__init__(*parts)
        self.providers, self.file = providers, file

    @property
    def pools(self):
        return list(self.components.fleet.reconcilers)

    async def until(self, is_so, step=None):
        """Wait until `is_so`, and let time pass meanwhile."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not is_so():
                await asyncio.sleep(0.005)
                if step is not None:
                    await self.clock.advance(step)

    async def listing(self, after=LIST_EVERY):
        """Let time pass until the next listing, and wait until it has taken effect."""
        done = self.providers.listings
        await self.clock.advance(after)
        await self.until(lambda: self.providers.listings > done, SECONDS)
        shown = self.components.policy.select
        await self.until(lambda: self.components.policy.select is not shown, SECONDS)


@contextlib.asynccontextmanager
async def serving(folder, answer, policy=None, clock=None):
    clock, source = clock or ManualClock(NOON), FakeSource({name: steady(3) for name in FUNCTIONS}, history=timedelta(hours=1))
    providers, file = Selecting([(source, FUNCTIONS)], clock, {}), [policy or parsed()]
    providers.answer = answer

    def read():
        if isinstance(file[0], PolicyError):
            raise file[0]
        return file[0]

    (folder / "policy.yaml").touch()
    service = Daemon(file[0], providers, clock, folder, port=0, token=TOKEN, file=PolicyFile(folder / "policy.yaml", read))
    async with ticking(service) as stop, aiohttp.ClientSession() as session:
        here = Here(service, source, providers.levers, clock, session, stop, providers=providers, file=file)
        if answer is not None and file[0].select:
            await here.until(lambda: here.components.policy.select is not None and here.components.policy.select["listed_at"])
        yield here


async def test_a_daemon_without_pools_gets_those_of_the_first_listing_and_sets_them(tmp_path):
    async with serving(tmp_path, ("agent-a", "agent-b", "other")) as here:
        await here.until(lambda: here.pools == ["agent-a", "agent-b"])
        await here.ticks(2)

        assert here.levers["agent-a"].writes[-1:] == [3]
        _, body = await here.json("/status")
        (entry,) = body["policy"]["select"]["entries"]
        assert (entry["pools"], entry["most"], entry["bounded"]) == (2, 10, False)
        assert body["policy"]["last_reload"]["trigger"] == "select"


async def test_an_hour_later_a_new_function_is_added_and_a_missing_one_leaves_after_the_second_listing(tmp_path):
    async with serving(tmp_path, ("agent-a", "agent-b")) as here:
        await here.until(lambda: len(here.pools) == 2)
        await here.ticks(2)
        kept = here.components.fleet.reconcilers["agent-a"]
        here.providers.answer = ("agent-a", "agent-c")
        await here.listing()

        assert here.pools == ["agent-a", "agent-b", "agent-c"], "one listing without it removes no pool"
        await here.listing()
        await here.until(lambda: here.pools == ["agent-a", "agent-c"])
        assert here.components.fleet.reconcilers["agent-a"] is kept
        assert [each["pool"] for each in here.components.fleet.orphans.shown()] == ["agent-b"]
        assert here.levers["agent-b"].writes[-1:] == [3], "what was set stays until it is released"


async def test_a_failed_listing_keeps_the_pools_and_is_tried_again_after_5_min(tmp_path):
    async with serving(tmp_path, ("agent-a", "agent-b")) as here:
        await here.until(lambda: len(here.pools) == 2)
        here.providers.answer = PermissionDenied("no permission to list: grant lambda:ListFunctions")
        await here.listing()
        await here.listing(RETRY_EVERY)

        assert here.pools == ["agent-a", "agent-b"]
        assert here.components.policy.select["errors"] == ["no permission to list: grant lambda:ListFunctions"]
        here.providers.answer = ("agent-a", "agent-b", "agent-c")
        await here.listing(RETRY_EVERY)
        await here.until(lambda: here.pools == ["agent-a", "agent-b", "agent-c"])
        assert here.components.policy.select["errors"] == []


async def test_after_a_restart_the_pools_of_the_last_listing_run_at_once_also_if_a_place_does_not_answer(tmp_path):
    clock = ManualClock(NOON)
    async with serving(tmp_path, ("agent-a", "agent-b"), clock=clock) as here:
        await here.until(lambda: len(here.pools) == 2)
        await here.ticks(2)
    async with serving(tmp_path, None, clock=clock) as here:
        assert here.pools == ["agent-a", "agent-b"]
        await here.ticks(2)
        assert sorted(here.components.fleet.plans) == ["agent-a", "agent-b"]
        assert here.components.fleet.orphans.shown() == []


async def test_without_any_listing_the_pools_of_the_file_run(tmp_path):
    async with serving(tmp_path, PermissionDenied("no"), parsed(own=OWN)) as here:
        await here.ticks(1)
        assert here.pools == ["other"]


async def test_a_reload_of_the_file_uses_what_is_known_and_lists_again_when_entries_change(tmp_path):
    async with serving(tmp_path, FUNCTIONS) as here:
        await here.until(lambda: len(here.pools) == 3)
        here.file[0] = parsed(most=10, own=OWN)
        assert (await here.service.runtime.reloader.reload("test")).outcome == "reloaded"
        assert here.pools == ["other", "agent-a", "agent-b", "agent-c"]

        here.file[0], done = parsed(pattern="agent-[ab]", own=OWN), here.providers.listings
        await here.service.runtime.reloader.reload("test")
        assert here.pools == ["other", "agent-a", "agent-b"], "a narrower entry needs no listing"
        await here.until(lambda: here.providers.listings > done, SECONDS)


async def test_a_refused_file_stays_refused_while_listings_go_on(tmp_path):
    async with serving(tmp_path, ("agent-a",)) as here:
        await here.until(lambda: here.pools == ["agent-a"])
        here.file[0] = PolicyError([Problem("policy.yaml", 3, 1, "select", "wrong")])
        with pytest.raises(PolicyRefused):
            await here.service.runtime.reloader.reload("test")
        here.providers.answer = ("agent-a", "agent-b")
        await here.listing()

        await here.until(lambda: here.pools == ["agent-a", "agent-b"])
        assert "wrong" in here.components.policy.refusal


async def test_at_a_bound_nothing_is_added_and_that_is_shown(tmp_path):
    async with serving(tmp_path, ("agent-b", "agent-c"), parsed(most=2)) as here:
        await here.until(lambda: len(here.pools) == 2)
        here.providers.answer = ("agent-a", "agent-b", "agent-c")
        await here.listing()

        assert here.pools == ["agent-b", "agent-c"]
        (entry,) = here.components.policy.select["entries"]
        assert entry["bounded"]
        assert entry["without_pool"] == ["agent-a:live in us-east-1: most: 2 is reached: raise it, or include fewer"]
