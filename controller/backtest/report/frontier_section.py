"""Frontiers on the page: sentences and tables as HTML, and the chart's points as plain values. Pure."""

from collections.abc import Mapping
from html import escape

from controller.backtest.frontier import Frontier
from controller.backtest.objective_settings import SECOND_KEY, setting_of
from controller.backtest.report.frontier_text import CAPTION, comparison, matching_sentences, setting_text, step_text
from controller.backtest.report.text import count
from controller.backtest.result import Outcome, PoolOutcome
from controller.decision.costs.bill import Bill
from controller.decision.costs.sentences import TARGET_TRACKING, WITHOUT_STOKER, dollars

ON_TILES = (WITHOUT_STOKER, TARGET_TRACKING)
"""Baselines that tiles and the table of pools show beside Stoker."""


def line(pool: PoolOutcome) -> list[tuple[int, float, str, bool, bool]]:
    """Return the replayed settings of a pool: cold starts, bill, text, whether it is the policy's, whether on the curve."""
    frontier = pool.frontier
    if frontier is None:
        return []
    curve = frontier.curve
    return [(point.cold_starts, point.bill_usd, setting_text(point), point == frontier.own, point in curve)
            for point in sorted(frontier.points, key=lambda point: (point.cold_starts, -point.bill_usd))]


def section(pool: PoolOutcome, at: int) -> str:
    """Return the comparison of a pool with AWS target tracking, and its settings as a table."""
    if pool.frontier is None:
        return ""
    key = setting_of(pool.terms).key
    names = ("USD per second of a cold start" if key == SECOND_KEY else key, "Cold starts", "Bill", "USD per cold start avoided")
    head = "".join(f"<th>{name}</th>" for name in names)
    rows = "".join(row(pool.frontier, index) for index in range(len(pool.frontier.points)))
    compared = comparison(pool.frontier, TARGET_TRACKING, pool.peers[TARGET_TRACKING])
    return (f"<div class=frontier data-pool={at}><p>{escape(compared)}</p>"
            f"<div class=scroll><table class=points><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
            f"<p class=hint>{CAPTION}</p></div>")


def row(frontier: Frontier, index: int) -> str:
    """Return the row of one setting."""
    point = frontier.points[index]
    own = " <small>(the policy)</small>" if point == frontier.own else ""
    number = "" if point.setting is None else point.setting.number
    return (f'<tr class="{"stoker" if own else ""}"><th scope=row>{number}{own}</th>'
            f"<td>{count(point.cold_starts)}</td><td>{dollars(point.bill_usd)}</td><td>{step_text(frontier, point)}</td></tr>")


def losses(frontier: Frontier | None, peers: Mapping[str, Bill], name: str = "") -> str:
    """Return list items with the settings that match baselines with fewer cold starts. `name`: the pool, if there are several."""
    found = [] if frontier is None else matching_sentences(frontier, peers)
    return "".join(f"<li>{f'{name}: ' if name else ''}{sentence}</li>" for name, sentence in
                   ((escape(name), escape(sentence)) for sentence in found))


def lost_by_pool(outcome: Outcome) -> str:
    """Return the list items of all pools, for the baselines in the table of pools."""
    return "".join(losses(pool.frontier, {key: pool.peers[key] for key in ON_TILES}, pool.name) for pool in outcome.pools)


def on_tiles(outcome: Outcome) -> str:
    """Return how Stoker compares with AWS target tracking over all pools, and the settings that match the baselines on tiles."""
    if outcome.frontier is None:
        return ""
    shown = {key: outcome.peers[key] for key in ON_TILES}
    compared = comparison(outcome.frontier, TARGET_TRACKING, shown[TARGET_TRACKING])
    return " ".join([compared, *matching_sentences(outcome.frontier, shown)])
