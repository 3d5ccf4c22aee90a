"""Sentences on bill and cold starts."""

import pytest

from controller.decision.costs.sentences import bill_sentence, cold_starts_text, dollars, signed_dollars


def test_a_bill_that_rose_has_the_price_of_each_avoided_cold_start():
    assert bill_sentence(0.90, 0.66, 7, 72) == "Bill +$0.24, 65 fewer cold starts ($0.004 each)"


def test_only_a_bill_that_fell_is_called_saved():
    assert bill_sentence(0.66, 0.90, 7, 72) == "Bill -$0.24 (saved), 65 fewer cold starts"
    assert "saved" not in bill_sentence(0.90, 0.66, 7, 72)
    assert "saved" not in bill_sentence(0.66, 0.66, 7, 72)


def test_a_simulated_bill_would_be():
    assert bill_sentence(0.90, 0.66, 7, 72, simulated=True) == "Bill would be +$0.24, 65 fewer cold starts ($0.004 each)"
    assert bill_sentence(0.66, 0.90, 7, 72, simulated=True) == "Bill would be -$0.24, 65 fewer cold starts"


@pytest.mark.parametrize(("with_stoker", "without", "text"), [
    (0, 0, "Bill +$1.00, the same number of cold starts"),
    (4, 3, "Bill +$1.00, 1 more cold start"),
    (0, 1, "Bill +$1.00, 1 fewer cold start ($1.00 each)"),
    (0, 0.4, "Bill +$1.00, the same number of cold starts"),
    (1000, 3500.2, "Bill +$1.00, 2,500 fewer cold starts ($0.0004 each)"),
])
def test_cold_starts_are_counted_in_words(with_stoker, without, text):
    assert bill_sentence(3.0, 2.0, with_stoker, without) == text


def test_an_unchanged_bill_has_no_price_per_cold_start():
    assert bill_sentence(2.0, 2.0, 3, 8) == "Bill $0.00, 5 fewer cold starts"
    assert bill_sentence(2.0 + 1e-9, 2.0, 3, 8) == "Bill $0.00, 5 fewer cold starts"


@pytest.mark.parametrize(("amount", "text"), [
    (0, "$0.00"), (1234.567, "$1,234.57"), (-0.5, "-$0.50"), (0.0996, "$0.10"), (0.05, "$0.05"), (0.0125, "$0.013"),
    (0.00369, "$0.004"),
    (0.000449, "$0.0004"), (0.0000051, "$0.000005"), (-0.00369, "-$0.004"), (1e-7, "$0.00"), (-1e-7, "$0.00"),
])
def test_an_amount_keeps_the_digits_that_matter(amount, text):
    assert dollars(amount) == text


def test_a_difference_has_its_sign():
    assert [signed_dollars(each) for each in (0.24, 0, -0.24)] == ["+$0.24", "$0.00", "-$0.24"]


@pytest.mark.parametrize(("number", "text"), [(0, "0 cold starts"), (1, "1 cold start"), (1002.4, "1,002 cold starts")])
def test_one_cold_start_is_singular(number, text):
    assert cold_starts_text(number) == text
