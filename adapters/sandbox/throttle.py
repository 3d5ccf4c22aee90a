"""Rate limit of a control plane."""


class TokenBucket:
    """Token bucket: on average `rate` calls per second, at most `burst` at once. Seconds are those of the sandbox's clock: at
    60 times the speed the bucket fills 60 times as fast, so that limits per simulated day do not depend on the speed.
    """

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._tokens, self._at = burst, 0.0

    def take(self, at_seconds: float) -> float:
        """Return 0 if the call is admitted, otherwise the seconds until the next token."""
        self._tokens = min(self._burst, self._tokens + max(0.0, at_seconds - self._at) * self._rate)
        self._at = max(self._at, at_seconds)
        if self._tokens >= 1:
            self._tokens -= 1
            return 0.0
        return (1 - self._tokens) / self._rate
