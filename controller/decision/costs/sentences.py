"""Sentences on bill and cold starts, the same on every surface. Amounts are in the displayed currency."""

from config.model.shown import shown_as

WITHOUT_STOKER, TARGET_TRACKING = "without-stoker", "aws-target-tracking"
"""Keys of the baselines that a running daemon compares with."""

BASELINE_TEXT = {WITHOUT_STOKER: "Without Stoker", TARGET_TRACKING: "AWS target tracking (70 %)"}
"""Baselines by key, as texts name them. Without Stoker: no warm capacity but what others keep."""


def bill_sentence(bill_usd: float, without_usd: float, cold_starts: float, cold_starts_without: float,
                  simulated: bool = False) -> str:
    """Return what Stoker changed, relative to the same traffic without Stoker: the bill in USD, then the number of cold starts.

    An amount in parentheses is the extra bill per avoided cold start. Only a bill that fell is called saved. With `simulated`,
    the sentence says "would be".
    """
    extra, fewer = bill_usd - without_usd, round(cold_starts_without - cold_starts)
    saved = " (saved)" if dollars(extra).startswith("-") and not simulated else ""
    each = f" ({dollars(extra / fewer)} each)" if fewer > 0 and extra > 0 and dollars(extra) != dollars(0.0) else ""
    return f"Bill {'would be ' if simulated else ''}{signed_dollars(extra)}{saved}, {cold_start_change(fewer)}{each}"


def cold_start_change(fewer: int) -> str:
    """Return a change of the number of cold starts in words; negative for more of them."""
    return cold_starts_text(abs(fewer), "fewer" if fewer > 0 else "more") if fewer else "the same number of cold starts"


def cold_starts_text(number: float, comparative: str = "") -> str:
    """Return a number of cold starts, rounded, in words. `comparative`: `fewer` or `more`."""
    whole = round(number)
    return f"{whole:,} {comparative}{' ' if comparative else ''}cold start{'' if whole == 1 else 's'}"


def signed_dollars(amount: float) -> str:
    """Return an amount in USD as `dollars` does, with its sign; none for zero."""
    text = dollars(amount)
    return text if text == dollars(0.0) or text.startswith("-") else f"+{text}"


def dollars(amount: float) -> str:
    """Return an amount in USD as text in the displayed currency: two decimals, three below $0.10, and one significant digit below
    $0.001. Less than a millionth is zero.
    """
    shown = shown_as()
    size, unit = abs(amount) * shown.rate, "$" if shown.currency == "USD" else f"{shown.currency} "
    if size < 1e-6:
        return f"{unit}0.00"
    decimals = 2 if size >= 0.0995 else 3 if size >= 0.001 else 6
    digits = f"{size:,.2f}" if decimals == 2 else (f"{size:.3f}" if decimals == 3 else f"{float(f'{size:.0e}'):.6f}").rstrip("0")
    whole, _, cents = digits.partition(".")
    return f"{'-' if amount < 0 else ''}{unit}{whole}.{cents.ljust(2, '0')}"
