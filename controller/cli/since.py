"""The start of a period on the command line: a duration before now, a date, or an instant."""

from datetime import UTC, datetime, timedelta

from controller.cli.failure import WrongInput


def since_of(text: str, now: datetime, longest: timedelta | None = None) -> datetime:
    """Return the instant that `--since` names: without a zone in UTC. Raise `WrongInput` if it is not before `now`, or `longest`
    before it.
    """
    from config.model.duration import parse_duration

    most = "" if longest is None else f" up to {longest.days}d"
    day = now - (longest or timedelta(days=14)) / 2
    wrong = WrongInput(f"--since {text}: write a duration{most}, such as 7d, or a date, such as {day:%Y-%m-%d}, or a time, "
                       f"such as {day:%Y-%m-%dT%H:%MZ}")
    try:
        since = datetime.fromisoformat(text)
        since = since.replace(tzinfo=since.tzinfo or UTC)
    except ValueError:
        try:
            since = now - parse_duration(text)
        except (ValueError, OverflowError):
            raise wrong from None
    if not since < now or (longest is not None and since <= now - longest - timedelta(days=1)):
        raise wrong
    return since
