"""The parts of a started daemon that handlers and metrics read."""

from dataclasses import dataclass
from functools import cached_property

from controller.accounting.ledger import Ledger
from controller.accounting.shown_figures import ShownFigures
from controller.fleet.decision_log import DecisionLog
from controller.fleet.fleet import Fleet
from controller.fleet.nudges import Nudges
from controller.fleet.policy.in_force import PolicyInForce
from controller.fleet.reports import Reports
from controller.forecasts.components import Forecasts
from controller.leadership.leader_election import LeaderElection
from controller.notifications.notifier import Notifier
from controller.overrides.active_overrides import ActiveOverrides
from controller.overrides.prewarming import Prewarming


@dataclass(frozen=True)
class Components:
    """Parts that exist once history is loaded. `leadership` is None without a lease."""

    fleet: Fleet
    accounts: Ledger
    forecasts: Forecasts
    decision_log: DecisionLog
    active_overrides: ActiveOverrides
    prewarming: Prewarming
    notifier: Notifier
    leadership: LeaderElection | None
    nudges: Nudges
    reports: Reports
    policy: PolicyInForce

    @cached_property
    def figures(self) -> ShownFigures:
        """Figures of `accounts`."""
        return ShownFigures(self.accounts)
