"""The rate limit of a control plane."""


class TokenBucket:
    """`rate` calls a second on average, `burst` at once. Seconds are those of the sandbox's clock: at 60 times speed the
    bucket fills 60 times faster too, so that a run at any speed meets the limits of the same simulated day.
    """

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._tokens, self._at = burst, 0.0

    def take(self, at_seconds: float) -> float:
        """0 when the call is admitted, otherwise the seconds until the next one would be."""
        self._tokens = min(self._burst, self._tokens + max(0.0, at_seconds - self._at) * self._rate)
        self._at = max(self._at, at_seconds)
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self._rate
