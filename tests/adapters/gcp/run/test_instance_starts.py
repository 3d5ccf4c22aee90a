from adapters.gcp.run.instance_starts import InstanceStarts


def test_without_a_raised_minimum_each_start_is_a_cold_start():
    starts = InstanceStarts()
    starts.add({9: 5, 10: 5, 11: 7}, {11: 2}, 12)

    assert starts.cold_starts(lambda minute: 5) == {9: (0, 0), 10: (0, 0), 11: (2, 2)}


def test_starts_that_a_raised_minimum_can_explain_are_not_certain_cold_starts():
    starts = InstanceStarts()
    starts.add({10: 5, 11: 12}, {11: 7}, 12)

    assert starts.cold_starts(lambda minute: 8 if minute == 11 else 5)[11] == (4, 7)


def test_without_a_count_of_the_previous_minute_the_minimum_can_explain_all_starts():
    starts = InstanceStarts()
    starts.add({11: 4}, {11: 3}, 12)

    assert starts.cold_starts(lambda minute: 4)[11] == (0, 3)


def test_a_minute_that_is_not_published_or_counted_is_omitted():
    starts = InstanceStarts()
    starts.add({9: 5, 11: 5, 12: 5}, {12: 1}, 12)

    assert starts.cold_starts(lambda minute: 5).keys() == {9, 11}


def test_a_later_count_replaces_a_minute_and_old_minutes_are_dropped():
    starts = InstanceStarts()
    starts.add({1: 5, 39: 5, 40: 5}, {}, 41)
    starts.add({40: 6}, {40: 1}, 41)

    assert starts.cold_starts(lambda minute: 5) == {39: (0, 0), 40: (1, 1)}
