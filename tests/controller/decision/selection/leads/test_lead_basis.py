"""Text and numbers of a proposal by a leading signal."""

import math
from dataclasses import replace

import pytest

from controller.decision.selection.leads.lead_basis import LeadBasis

BASIS = LeadBasis("pool planner", 12.0, 3, 2.95, 0.95, 40.0, False, 18.367, 20.461, followed=True)
COSTS = "simulated cost with cold starts 18.37 USD, without it 20.46 USD"


@pytest.mark.parametrize(("changes", "text", "units"), [
    ({}, f"leading signal pool planner ({COSTS}): maximum of the last 3 min = 12, × 2.95 (P95) = 35, instead of 20", 35),
    ({"raises_only": True},
     f"leading signal pool planner ({COSTS}): maximum of the last 3 min = 12, × 2.95 (P95) = 35, max(20, 35) = 35", 35),
    ({"raises_only": True, "value": 5.0},
     f"leading signal pool planner ({COSTS}): maximum of the last 3 min = 5, × 2.95 (P95) = 15, max(20, 15) = 20", 20),
    ({"value": 20.0},
     f"leading signal pool planner ({COSTS}): maximum of the last 3 min = 20, × 2.95 (P95), at most 40 = 40, instead of 20", 40),
    ({"followed": False},
     f"leading signal pool planner ({COSTS}): maximum of the last 3 min = 12, × 2.95 (P95) = 35, not followed", 20),
    ({"value": math.nan}, "leading signal pool planner: unknown in the last 3 min, not used", 20),
    ({"ratio": 2.9551, "value": 300.0, "highest": 2000.0},
     f"leading signal pool planner ({COSTS}): maximum of the last 3 min = 300, × 2.955 (P95) = 887, instead of 20", 887),
])
def test_the_text_has_the_numbers_that_the_units_were_computed_from(changes, text, units):
    basis = replace(BASIS, **changes)

    assert basis.text(20) == text
    assert basis.units(20) == units


@pytest.mark.parametrize("value", [12.0, math.nan])
def test_a_basis_is_read_back_from_json(value):
    basis = replace(BASIS, value=value)

    assert repr(LeadBasis.of_body(basis.body())) == repr(basis)
