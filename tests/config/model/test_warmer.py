from datetime import timedelta

import pytest
from pydantic import ValidationError

from config.model.warmer import Warmer


def test_an_interval_is_whole_minutes_up_to_an_hour():
    assert Warmer.model_validate({"every": "5m", "requests": 3}).minutes == 5
    assert Warmer.model_validate({"every": "1h", "requests": 1}).every == timedelta(hours=1)
    for every in ("30s", "90s", "61m", "0s"):
        with pytest.raises(ValidationError, match="whole number of minutes from 1m to 1h"):
            Warmer.model_validate({"every": every, "requests": 3})


def test_a_warmer_needs_requests():
    with pytest.raises(ValidationError):
        Warmer.model_validate({"every": "5m", "requests": 0})
