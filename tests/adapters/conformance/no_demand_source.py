"""No source of demand."""

from collections.abc import Mapping
from typing import ClassVar

from config.model.demand import NoDemandSettings
from tests.adapters.conformance.source_stage import SourceStage

READS_NOTHING = "it reads nothing"


class NoDemandSource(SourceStage):
    """Nothing is read."""

    kind, place, setting = "none", "none", "none"
    exempt: ClassVar[Mapping[str, str]] = dict.fromkeys((
        "test_published_demand_is_read", "test_late_points_are_unknown_and_then_known",
        "test_missing_points_of_a_pool_are_no_zero", "test_a_source_that_hangs_is_an_error_with_a_remedy",
        "test_points_read_again_count_once", "test_an_impossible_point_is_unknown", "test_an_idle_pool_has_known_zeros",
        "test_missing_metrics_are_no_zero", "test_a_counter_that_restarts_adds_no_demand",
        "test_a_clock_that_is_wrong_makes_no_zero", "test_a_long_history_is_read_whole",
        "test_a_source_that_hangs_delays_no_other", "test_a_source_that_stops_and_returns_is_read_again",
        "test_the_failure_of_one_pool_is_its_own", "test_a_part_of_the_demand_agrees_with_the_whole",
    ), READS_NOTHING)

    def settings(self, pool: str, *, elsewhere: bool = False) -> NoDemandSettings:
        return NoDemandSettings(kind="none")
