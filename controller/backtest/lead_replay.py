"""Replay of leading signals: what they would have changed in the proposals for a recorded history. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from controller.backtest.proposals import Proposals
from controller.decision.costs.cost_model import CostTerms
from controller.decision.selection.choice import Choice
from controller.decision.selection.leads.lead_selector import LeadSelector
from forecasting.demand import DemandSeries, Floats

WITHOUT_LEADS = "stoker-without-leads"
"""Key of the bill without leading signals, beside that with them."""


class LeadHistory(NamedTuple):
    """Recorded signal, the peak of `series`, and its delay in minutes: from an event to the signal being readable."""

    series: DemandSeries
    delay: int


def with_leads(proposals: Proposals, demand: DemandSeries, terms: CostTerms, leads: Sequence[LeadHistory]) -> Proposals:
    """Return the proposals for a history with leading signals in place; `proposals` are those without them."""
    selector = LeadSelector([terms], [tuple(lead.delay for lead in leads)])
    if not selector.rows:
        return proposals
    end = demand.end_minute + selector.ahead
    signals = np.stack([peaks_of(lead.series, demand.first_minute, end) for lead in leads])
    target, trusted, leader, mode, level = proposals
    choice = Choice(target[None], trusted[None], leader[None], mode[None], level[None])
    result = selector.advance(choice, demand.peak[None], demand.busy[None], demand.invocations[None], {0: signals},
                              demand.first_minute)
    return proposals._replace(target=result.target[0], mode=result.mode[0])


def peaks_of(series: DemandSeries, first: int, end: int) -> Floats:
    """Return the peaks of the minutes from `first` to before `end`: float32[end - first], NaN outside of the series."""
    peaks = np.full(end - first, np.nan, np.float32)
    start, stop = max(first, series.first_minute), min(end, series.end_minute)
    if start < stop:
        peaks[start - first : stop - first] = series.peak[start - series.first_minute : stop - series.first_minute]
    return peaks
