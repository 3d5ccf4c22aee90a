"""Shares and counts as text. Pure."""


def percent(share: float) -> str:
    """Return a share in percent with one decimal: no share above 0 is displayed as 0."""
    return f"{100 * share:.1f} %" if share >= 0.0005 or not share else "<0.1 %"


def counted(rules: int) -> str:
    """Return a number of rules as text."""
    return "1 rule" if rules == 1 else f"{rules} rules"
