from adapters.gcp.run.instance_starts import InstanceStarts


def test_without_a_raise_each_start_was_a_request_that_waited():
    starts = InstanceStarts()
    starts.add({9: 5, 10: 5, 11: 7}, {11: 2}, 12)

    assert starts.cold_starts(lambda minute: 5) == {9: (0, 0), 10: (0, 0), 11: (2, 2)}


def test_starts_that_a_raised_minimum_may_have_made_are_no_certain_cold_starts():
    starts = InstanceStarts()
    starts.add({10: 5, 11: 12}, {11: 7}, 12)

    assert starts.cold_starts(lambda minute: 8 if minute == 11 else 5)[11] == (4, 7)


def test_without_a_count_of_the_minute_before_the_minimum_may_have_started_all():
    starts = InstanceStarts()
    starts.add({11: 4}, {11: 3}, 12)

    assert starts.cold_starts(lambda minute: 4)[11] == (0, 3)


def test_a_minute_that_is_not_published_or_not_counted_is_left_out():
    starts = InstanceStarts()
    starts.add({9: 5, 11: 5, 12: 5}, {12: 1}, 12)

    assert starts.cold_starts(lambda minute: 5).keys() == {9, 11}


def test_a_minute_that_is_published_later_is_corrected_and_old_ones_are_forgotten():
    starts = InstanceStarts()
    starts.add({1: 5, 39: 5, 40: 5}, {}, 41)
    starts.add({40: 6}, {40: 1}, 41)

    assert starts.cold_starts(lambda minute: 5) == {39: (0, 0), 40: (1, 1)}
