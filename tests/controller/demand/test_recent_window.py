import numpy as np

from controller.demand.recent_window import RecentWindow
from forecasting.demand import DemandSeries

END = 100_000


def held(*peak, end=END):
    day = RecentWindow(1)
    day.roll(end)
    units = np.array(peak, np.float32)
    day.write(0, DemandSeries(end - len(peak), units, units, units))
    return day


def test_minutes_that_enter_are_unknown_and_minutes_that_leave_are_dropped():
    day = held(1, 2, 3)
    day.roll(END + 1438)

    assert day.window(0, END - 4, END + 1).known.tolist() == [False, False, True, True, False]


def test_only_zeros_are_withdrawn():
    day = held(0, 4, 0, 0)

    assert day.withdraw(0, np.arange(END - 4, END)) == [END - 4, END - 2, END - 1]
    assert day.window(0, END - 4, END).peak[1] == 4
    assert day.newest[0] == END - 3
    assert day.withdraw(0, np.arange(END - 4, END)) == []


def test_without_known_minutes_there_is_no_newest_one():
    day = held(0, 0)
    day.withdraw(0, np.arange(END - 2, END))

    assert day.newest[0] == -1


def test_a_future_newest_minute_stays_when_earlier_ones_are_written():
    day = RecentWindow(1)
    day.newest[0] = END + 90
    day.roll(END)
    units = np.array([0, 0, 3], np.float32)
    day.write(0, DemandSeries(END - 3, units, units, units))

    assert day.newest[0] == END + 90
    assert day.withdraw(0, np.arange(END - 3, END)) == [END - 3, END - 2]
    assert day.newest[0] == END + 90


def test_minutes_after_the_window_overwrite_none_within_it():
    day = held(*[1] * 1440)
    units = np.array([2, 0, 0], np.float32)

    assert day.write(0, DemandSeries(END - 1, units, units, units)).tolist() == [END - 1]
    assert day.window(0, END - 1440, END).peak.tolist() == [1] * 1439 + [2]
    assert day.withdraw(0, np.arange(END, END + 1440)) == []


def test_a_gap_is_an_unknown_minute_after_a_known_one():
    day = held(np.nan, 1, np.nan, 2)

    assert day.first_gap(0, END - 10, END) == END - 2
    assert held(1, 2).first_gap(0, END - 10, END) is None
    assert RecentWindow(1).first_gap(0, END - 10, END) is None


def test_minutes_not_read_yet_are_missing():
    day = held(*[1] * 40)

    assert [day.unknown_minutes(0, END + late) for late in range(4)] == [0, 0, 2, 3]
