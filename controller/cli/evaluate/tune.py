"""`stoker tune`: choose a pool's objective from a goal, by replays of its history."""

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from controller.cli.completion_names import pool_names
from controller.cli.failure import Failed, WrongInput
from controller.cli.options import policy_option, sandbox_options
from controller.cli.output import Form, emit, is_data, output_option
from controller.cli.selection import with_selected
from controller.cli.verbosity import warn

if TYPE_CHECKING:
    from config.model.policy import Policy, PoolPolicy
    from controller.backtest.tuning import Goal, Tuning
    from controller.decision.costs.bill import Bill


@click.command()
@click.argument("pool", shell_complete=pool_names)
@policy_option
@click.option("--history", "histories", required=True, multiple=True, metavar="POOL=FILE",
              help="Recorded traffic of the pool (.csv or .csv.gz), as for a backtest.")
@click.option("--start", metavar="TIMESTAMP",
              help="Count costs from this time on (UTC); earlier rows are used for learning only.")
@click.option("--max-cold-starts-per-day", type=click.FloatRange(min=0), metavar="N",
              help="Goal: at most N cold starts a day, at the lowest bill.")
@click.option("--max-usd-per-month", type=click.FloatRange(min=0), metavar="X",
              help="Goal: a bill of at most X USD a month, with the fewest cold starts.")
@click.option("--like-target-tracking", is_flag=True,
              help="Goal: no more cold starts than AWS target tracking (70 %), at a lower bill.")
@click.option("--write", is_flag=True, help="Change the objective of the pool in the policy file, and show the change.")
@output_option
@sandbox_options
def command(pool: str, policy_path: Path, histories: tuple[str, ...], start: str | None, max_cold_starts_per_day: float | None,
            max_usd_per_month: float | None, like_target_tracking: bool, write: bool, form: Form,
            sandbox_url: str | None, sandbox_grpc: str | None) -> None:
    """Recommend the objective of a POOL for a goal: how many cold starts, or how high a bill.

    The objective is `cold_start_cost_usd`, or `cold_start_cost_usd_per_second` or `warm_hit_rate` if the pool has that. A higher
    one means fewer cold starts and a higher bill. `tune` replays recorded traffic with many settings, as a backtest does, and
    prints the one that meets the goal, what it would have cost, and the next settings on both sides. State exactly one goal. If
    no setting meets it, `tune` prints the closest one, writes nothing and exits with 1.

    `--write` keeps comments and formatting. A pool that takes its objective from `defaults` gets its own, so that other pools
    stay as they are. A running daemon uses the new value after a restart.

    \b
    Examples:
      stoker tune chat --history chat=chat.csv.gz --max-cold-starts-per-day 20
      stoker tune chat --history chat=chat.csv.gz --max-usd-per-month 300
      stoker tune chat --history chat=chat.csv.gz --like-target-tracking --write
    """  # noqa: D301  (click reads the control character)
    from controller.cli.evaluate.tune_text import body_of, text_of
    from controller.cli.policy_file import pool_named, read_policy

    stated = [max_cold_starts_per_day is not None, max_usd_per_month is not None, like_target_tracking]
    if sum(stated) != 1:
        raise click.UsageError("state exactly one goal: --max-cold-starts-per-day N, --max-usd-per-month X or "
                               "--like-target-tracking")
    own = read_policy(policy_path)
    policy = with_selected(own, sandbox_url, sandbox_grpc)
    found = pool_named(policy, pool, policy_path)
    if write and found not in own.pools:
        raise WrongInput(f"--write: {pool} comes from an entry of `select`: set the objective of that entry, for all its pools")
    goal, tracking, tuned = tuned_pool(policy, found, policy_path, histories, start,
                                       (max_cold_starts_per_day, max_usd_per_month))
    diff = write_objective(policy_path, pool, tuned) if write and tuned.met else ""
    if is_data(form):
        emit("tune", body_of(pool, goal, tuned, tracking, diff), form)
    else:
        click.echo(text_of(pool, goal, tuned, tracking, policy_path, write), nl=False)
        if diff:
            click.echo(f"\nchanged {policy_path}:\n{diff}", nl=False)
        elif write and tuned.met:
            click.echo(f"\n{policy_path} has this objective already; nothing is changed.")
    if not tuned.met:
        raise Failed(f"{pool}: the goal is not met{'; nothing is written' if write else ''}")


def tuned_pool(policy: "Policy", pool: "PoolPolicy", path: Path, histories: tuple[str, ...], start: str | None,
               limits: tuple[float | None, float | None]) -> "tuple[Goal, Bill, Tuning]":
    """Return the goal, the bill of AWS target tracking, and the choice. `limits`: cold starts per day, USD per month."""
    from controller.backtest.tuning import Goal, tune
    from controller.cli.evaluate.backtest_inputs import Clouds, check_known, read_recorded, start_minute
    from controller.cli.progress import progress_of
    from controller.decision.costs import baselines
    from controller.decision.costs.bill import bill_of, judged_demand
    from controller.decision.costs.cost_model import terms_of
    from controller.demand.warmers import demand_of

    others = tuple(f"{one.name}=" for one in policy.pools if one.name != pool.name)
    mine = tuple(option for option in histories if not option.startswith(others))
    recorded = read_recorded(policy.model_copy(update={"pools": (pool,)}), path, mine, None, Clouds())
    begin = None if start is None else start_minute(start, recorded)
    check_known(recorded, begin)
    (demand, advice), terms = demand_of(pool, recorded[pool.name].series), terms_of(pool, policy.assume)
    if advice is not None:
        warn(f"{pool.name}: {advice}")
    load = judged_demand(demand, 0 if begin is None else begin - demand.first_minute)
    tracking = bill_of(load, baselines.target_tracking(load, terms), terms)
    goal = Goal(*limits, like=None if any(limit is not None for limit in limits) else tracking)
    with progress_of("replaying", len(demand)) as advance:
        return goal, tracking, tune(pool, demand, terms, policy.assume, load, goal, advance)


def write_objective(path: Path, pool: str, tuned: "Tuning") -> str:
    """Write the chosen objective of a pool into the policy file, atomically, and return the change as a unified diff.

    Empty when the file has it already. Raise `WrongInput` with file:line when the value is shared.
    """
    from adapters.kinds import policy_kinds
    from adapters.runtime.files import whole_file
    from config.loading.calendar_file import Calendars
    from config.loading.loader import PolicyError
    from config.loading.objective_edit import EditRefused, with_objective

    setting = tuned.chosen.setting
    if setting is None or tuned.chosen.factor == 1:
        return ""
    try:
        text = path.read_bytes().decode()
        changed = with_objective(text, policy_kinds(), str(path), pool, (setting.key, setting.number), Calendars(path.parent))
        with whole_file(path) as file:
            file.write(changed.encode())
    except (EditRefused, PolicyError) as error:
        raise WrongInput(str(error)) from error
    except OSError as error:
        raise Failed(f"{path}: cannot be written ({error.strerror or error})") from error
    lines = difflib.unified_diff(text.splitlines(), changed.splitlines(), str(path), str(path), n=2, lineterm="")
    return "".join(f"{line}\n" for line in lines)
