"""The values behind a proposal: text and numbers from which it is computed by hand."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.decision.costs.cost_model import CostTerms
from controller.decision.selection.candidates import BY_KEY, CANDIDATES, NOTHING, RECENT, SIGNALS, Candidate, proposals
from controller.decision.selection.choice import SelectionMode
from controller.decision.selection.choice_inputs import ChoiceInputs, LazyBasis
from controller.decision.selection.rule_values import (
    Headline,
    ProposalBasis,
    exact_text,
    percent,
    rounded_mean,
    rule_text,
    signal_text,
    value_of,
)
from controller.decision.selection.selector import CandidateSelector
from controller.decision.selection.weighting import FollowedRules
from forecasting.demand import minute_of
from tests.examples import examples

TERMS = CostTerms(idle=2.5e-4, warm_busy=5.8e-4, on_demand=1e-3, init_seconds=8.0, cold_start_cost_usd=0.05, metric_delay=2,
                  lead_time=2, keep_alive=6)
AT = minute_of(datetime(2026, 3, 1, 9, 59, tzinfo=UTC))
UNITS = st.integers(0, 5000)


@examples(100)
@given(st.fixed_dictionaries(dict.fromkeys(SIGNALS, UNITS)))
def test_the_value_of_every_rule_is_what_it_proposes(values):
    signals = {name: np.array([[units]], np.float32) for name, units in values.items()}

    assert [value_of(rule, values) for rule in CANDIDATES] == proposals(signals)[0, :, 0].tolist()


@pytest.mark.parametrize(("rule", "values", "text"), [
    (Candidate(("week 0.97",), margin=1.0), {"week 0.97": 28}, "P97 of the last 7 days = 28, + margin 5 (1 × √28) = 33"),
    (Candidate(("recent 60",)), {"recent 60": 9}, "maximum of the last 60 min = 9"),
    (Candidate(("day 0.9", "recent 60"), least=True, margin=0.5), {"day 0.9": 7, "recent 60": 9},
     "min(P90 of the last 24 h = 7, maximum of the last 60 min = 9) = 7, + margin 1 (0.5 × √7) = 8"),
    (Candidate(("week 0.5", "recent 30"), base="busy 180"), {"week 0.5": 3, "recent 30": 2, "busy 180": 5},
     "max(P50 of the last 7 days = 3, maximum of the last 30 min = 2, demand sustained for 3 h = 5) = 5"),
    (Candidate(("day 0.9", "recent 60"), least=True, base="busy 5"), {"day 0.9": 7, "recent 60": 9, "busy 5": 8},
     "max(min(P90 of the last 24 h = 7, maximum of the last 60 min = 9), demand sustained for 5 min = 8) = 8"),
    (Candidate(base="busy 5"), {"busy 5": 8}, "demand sustained for 5 min = 8"),
    (NOTHING, {}, "no warm capacity = 0"),
])
def test_a_rule_is_written_with_the_values_of_its_signals_and_each_step(rule, values, text):
    assert rule_text(rule, values, AT) == text


@pytest.mark.parametrize(("name", "text"), [
    ("second of week 5", "second highest at 09:59 over 7 days (±5 min)"), ("yesterday 5", "yesterday at 09:59 (±5 min)"),
    ("hourly", "second highest at :59 (±2 min) of the last 4 h"), ("week ago 5", "22 Feb at 09:59 (±5 min)"),
    ("two days 120", "maximum at 09:59 over 2 days (±120 min)"), ("recent 1440", "maximum of the last 24 h"),
])
def test_a_seasonal_signal_names_its_time_of_day(name, text):
    assert signal_text(name, AT) == text


@pytest.mark.parametrize(("exact", "text"), [(31.6, "31.6"), (31.5, "31.5"), (31.5004, "31.5004"), (31.49996, "31.5"),
                                             (3.0, "3.0"), (31.5 + 4e-7, "31.5000004")])
def test_a_mean_has_as_many_decimals_as_rounding_needs(exact, text):
    assert exact_text(exact) == text
    assert rounded_mean(float(text)) == rounded_mean(exact)


def test_no_share_above_zero_is_displayed_as_zero():
    assert [percent(share) for share in (0.0, 0.0001, 0.0014, 0.384, 1.0)] == ["0.0 %", "<0.1 %", "0.1 %", "38.4 %", "100.0 %"]


@pytest.mark.parametrize(("mode", "rules", "text"), [
    (SelectionMode.ENSEMBLE, 12, "maximum of the last 60 min = 9, weight 38.0 %; ensemble of 12 rules 31.6 -> 32"),
    (SelectionMode.ENSEMBLE, 1, "maximum of the last 60 min = 9, the only rule with weight"),
    (SelectionMode.ALONE, 12, "maximum of the last 60 min = 9, followed alone"),
    (SelectionMode.FALLBACK, 12,
     "maximum of the last 60 min = 9, followed alone: the ensemble of 12 rules (31.6) has recently cost more"),
])
def test_a_headline_states_rule_weight_and_ensemble(mode, rules, text):
    assert Headline(mode, CANDIDATES[RECENT], {"recent 60": 9}, AT, 0.38, rules, 31.6).text == text


def test_every_key_names_one_rule():
    assert len(BY_KEY) == len(CANDIDATES)


def histories(pools=3, minutes=1900, seed=1):
    rng = np.random.default_rng(seed)
    mean = rng.lognormal(1.5, 1, (pools, 1)) * (1 + np.sin(np.arange(minutes) / 90))
    return rng.poisson(mean, (pools, minutes)).astype(np.float32)


@pytest.mark.parametrize("parts", [(1900,), (1440, 460), (1899, 1), (1801, 99)])
def test_the_basis_of_each_choice_gives_its_target(parts):
    peak = histories()
    peak[1, -20:] = np.nan
    peak[2, -1:] = np.nan
    selector, first = CandidateSelector([TERMS] * 3), AT - 1900
    bases, targets = {}, {}
    for part in parts:
        rows = peak[:, :part] if not bases else peak[:, -part:]
        start = first if not bases else AT - part
        choice = selector.advance(rows, rows / 2, rows, start)
        for pool, basis in selector.bases().items():
            bases[pool] = basis.detach()
            targets[pool] = choice.target[pool, bases[pool].minute - start], start
    assert {pool: (basis.target, basis.exact, basis.minute) for pool, basis in bases.items()} == {
        pool: (targets[pool][0], basis.exact, AT - 1 - (0, 20, 1)[pool]) for pool, basis in bases.items()}
    assert [bases[pool].peak for pool in range(3)] == [peak[pool, bases[pool].minute - first] for pool in range(3)]


def test_the_basis_of_a_preview_gives_its_target_and_headline_without_the_other_pools():
    peak = histories()
    peak[1, -20:] = np.nan
    selector = CandidateSelector([TERMS] * 3)
    selector.advance(peak[:, :1870], peak[:, :1870] / 2, peak[:, :1870], AT)
    rows = peak[:, 1870:]
    choice = selector.preview(rows, rows / 2, rows, AT + 1870)
    bases = selector.bases()

    for pool, basis in bases.items():
        headline = basis.headline
        assert basis.detach().target == choice.target[pool, 0]
        assert basis.detach().headline.text == headline.text
        assert not isinstance(basis._source, ChoiceInputs)
    assert [bases[pool].detach().minute - AT for pool in range(3)] == [1899, 1879, 1899]


def test_a_pool_with_less_than_a_day_of_history_follows_the_recent_maximum():
    weights = np.full((len(CANDIDATES), 1), 7.0)
    rules = FollowedRules.untrained(1)._replace(weights=weights, leader=np.array([9], np.int16),
                                                mode=np.array([SelectionMode.ENSEMBLE], np.int8))
    signals = {name: np.array([4.0], np.float32) for name in SIGNALS}
    inputs = ChoiceInputs(signals, rules, np.array([9.9]), np.array([AT]), np.array([3.0], np.float32), np.array([1439]), 4)
    basis = LazyBasis(inputs, 0)

    assert basis.headline.text == "maximum of the last 60 min = 4, followed alone"
    assert basis.detach() == ProposalBasis.of(SelectionMode.ALONE, CANDIDATES[RECENT], (AT, 4, 1439), 3.0,
                                              dict.fromkeys(SIGNALS, 4.0), {CANDIDATES[RECENT]: 4096})
