"""Number of examples that property tests try, and of seeds that are played: few before each commit and in CI, more at night."""

from hypothesis import HealthCheck, settings

QUICK, NIGHTLY = "quick", "nightly"
EXAMPLES = {QUICK: 20, NIGHTLY: 1000}
"""Profile -> examples of a test that names no number. `pytest --hypothesis-profile=nightly` selects a profile."""

AT_LEAST = 4
"""Smallest number of examples. The first one is always the simplest possible."""


def register_profiles() -> None:
    """Register the profiles and select the quick one. In CI, Hypothesis tries the same examples in each run."""
    allowed = {*settings().suppress_health_check, HealthCheck.too_slow}
    for name, count in EXAMPLES.items():
        settings.register_profile(name, parent=settings(), max_examples=count, deadline=None, suppress_health_check=allowed)
    settings.load_profile(QUICK)


def examples(per_hundred: int, **changes) -> settings:
    """Return settings for a test that is to try `per_hundred` examples where a test without a number tries 100."""
    return settings(max_examples=max(AT_LEAST, per_hundred * settings().max_examples // 100), **changes)


def seeds(quick: int, *every: int) -> tuple[int, ...]:
    """Return the first `quick` of the seeds with the quick profile, else all of them."""
    return every[:quick] if settings().max_examples <= EXAMPLES[QUICK] else every
