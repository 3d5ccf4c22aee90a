"""Unknown time zones are rejected with a suggestion; fixed-offset zones get a warning."""

import pytest

from config.model.zones import without_summer_time, zone


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("PST", "write America/Los_Angeles"), ("cest", "write Europe/Paris"), ("europe/paris", "write Europe/Paris"),
        ("Paris", "write Europe/Paris"), ("New York", "write America/New_York"), ("Europe/Pariss", "write Europe/Paris"),
        ("UTC+2", "an offset has no summer time; write the zone of a city, such as Europe/Helsinki"),
        ("+02:00", "such as Europe/Helsinki"), ("GMT-5", "such as America/New_York"), ("+05:30", "write the zone of a city"),
        ("Eastern Standard Time", "this is a Windows name"), ("Mars/Base", "is not an IANA time zone"),
        ("../../etc/passwd", "is not an IANA time zone"), ("", "is not an IANA time zone"), ("Europe", "is not an IANA time"),
    ],
)
def test_an_unknown_zone_is_rejected_with_a_suggestion(name, says):
    with pytest.raises(ValueError, match="is not an IANA time zone such as") as caught:
        zone(name)

    assert says in str(caught.value)


def test_spaces_around_a_zone_name_are_removed():
    assert zone(" Europe/Paris ").key == "Europe/Paris"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("EST", "EST has no summer time: write America/New_York"), ("MST", "America/Phoenix (which has no summer time)"),
        ("HST", "Pacific/Honolulu (which has no summer time)"), ("GMT", "write Europe/London, or UTC"),
        ("Etc/GMT+5", "is 5 h behind UTC (its sign is reversed) and has no summer time"),
        ("Etc/GMT-1", "is 1 h ahead of UTC"),
    ],
)
def test_a_zone_with_a_fixed_offset_gets_a_warning(name, says):
    assert says in str(without_summer_time(name))


@pytest.mark.parametrize("name", ["UTC", "Etc/UTC", "EST5EDT", "America/Phoenix", "Asia/Tokyo", "Europe/London", "Etc/GMT"])
def test_valid_zones_get_no_warning(name):
    assert without_summer_time(name) is None
