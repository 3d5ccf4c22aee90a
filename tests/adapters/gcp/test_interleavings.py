"""In any order of actions by Stoker, people and pipelines, no change of another client is lost or altered."""

import asyncio
from contextlib import suppress
from datetime import timedelta

from google.cloud import run_v2
from hypothesis import given
from hypothesis import strategies as st

from adapters.ports.errors import AdapterError
from tests.adapters.conformance.cloud_run_stage import UPDATE, CloudRunStage
from tests.examples import examples

TROUBLES = ("throttle", "fail", "lose_answers", "garble", "limit_to_five")
action = st.one_of(
    st.tuples(st.just("write"), st.integers(0, 60)),
    st.tuples(st.just("read"), st.just(0)),
    st.tuples(st.just("deploy"), st.integers(1, 9)),
    st.tuples(st.just("hand"), st.integers(0, 60)),
    st.tuples(st.just("trouble"), st.sampled_from(TROUBLES)),
    st.tuples(st.just("calm"), st.just(0)),
    st.tuples(st.just("pass"), st.integers(1, 900)),
)


class Story:
    """One service, and the conditions that hold for it at every moment."""

    def __init__(self, stage: CloudRunStage) -> None:
        self.stage, self.lever = stage, stage.lever(impatient=True)
        self.image, self.hand_at = stage.agent.service.message.template.containers[0].image, None

    async def play(self, what: str, value) -> None:
        if what == "pass":
            await self.stage.passes(timedelta(seconds=value))
        elif what == "deploy":
            self._by_others(image=f"agent:{value}")
        elif what == "hand":
            self._by_others(minimum=value)
        elif what == "calm":
            self.stage.calm()
        elif what == "trouble":
            self.stage.limit(5) if value == "limit_to_five" else getattr(self.stage, value)()
        else:
            await self.stage.passes(timedelta(minutes=1))  # else Stoker's own rate limit waits for a clock that stands still
            with suppress(AdapterError):
                await (self.lever.write(value) if what == "write" else self.lever.read())

    def _by_others(self, image: str | None = None, minimum: int | None = None) -> None:
        hosted = self.stage.agent
        made = run_v2.Service(hosted.service.message)
        if image is not None:
            made.template.containers[0].image = self.image = image
        if minimum is not None:
            made.scaling.min_instance_count = minimum
        self.hand_at = self.stage.clock.now()
        self.stage.world.update(hosted, made, "person@acme.example")

    def holds(self) -> None:
        message, log = self.stage.agent.service.message, self.stage.world.calls
        assert message.template.containers[0].image == self.image
        assert {write.qualifier for write in log.writes} <= {"scaling.min_instance_count"}
        for write in log.accepted(UPDATE):
            assert write.value <= 100


@examples(30)
@given(st.lists(action, min_size=1, max_size=14))
def test_no_change_of_another_client_is_lost_in_any_order(actions):
    async def run() -> None:
        async with CloudRunStage() as stage:
            story = Story(stage)
            for what, value in actions:
                await story.play(what, value)
                story.holds()

    asyncio.run(run())


@examples(20)
@given(st.lists(action, max_size=8), st.integers(0, 60))
def test_a_write_succeeds_after_all_changes_are_complete(actions, target):
    async def run() -> None:
        async with CloudRunStage() as stage:
            story = Story(stage)
            for what, value in actions:
                await story.play(what, value)
            stage.calm()
            await stage.passes(timedelta(minutes=20))
            with suppress(AdapterError):
                await story.lever.read()
            await stage.passes(timedelta(minutes=20))
            wanted = min(target, (await story.lever.traits()).allowed)
            await story.lever.write(wanted)
            await stage.passes(timedelta(minutes=10))
            seen = await story.lever.read()

            assert (seen.requested, seen.ready) == (wanted, wanted)

    asyncio.run(run())
