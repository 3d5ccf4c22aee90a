"""Settings of the receiver of StatsD datagrams."""

import pytest
from pydantic import ValidationError

from config.model.statsd import StatsD, place_of


@pytest.mark.parametrize(("address", "place"), [
    ("127.0.0.1:8125", ("127.0.0.1", 8125)), ("[::1]:0", ("::1", 0)), ("127.9.9.9:65535", ("127.9.9.9", 65535))])
def test_an_address_is_an_ip_address_and_a_port(address, place):
    assert place_of(StatsD(address=address).address) == place


@pytest.mark.parametrize(("settings", "text"), [
    ({}, "set address, socket or both"),
    ({"address": "localhost:8125"}, "is not an IP address and a port"),
    ({"address": "::1:8125"}, "is not an IP address and a port"),
    ({"address": "127.0.0.1"}, "is not an IP address and a port"),
    ({"address": "127.0.0.1:65536"}, "is not an IP address and a port"),
    ({"address": "127.0.0.1:-1"}, "is not an IP address and a port"),
    ({"address": "0.0.0.0:8125"}, "UDP has no authentication: listen on 127.0.0.1, or set open: true"),
    ({"address": "[::]:8125"}, "UDP has no authentication"),
    ({"socket": "statsd.sock"}, "pattern"),
])
def test_what_is_wrong_is_refused(settings, text):
    with pytest.raises(ValidationError, match=text):
        StatsD(**settings)


def test_another_address_must_be_opened():
    assert StatsD(address="0.0.0.0:8125", open=True).open
