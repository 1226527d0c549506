"""The command: which benchmarks to run, how often and how long."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial

import click

from bench import (
    answering,
    answering_paid,
    enrolling,
    following,
    growing,
    mailing,
    opening,
    pages,
    paying,
    report,
    seeing,
    starting,
    waiting,
)
from bench.installation import BenchError, Site, running_site
from bench.report import Figure
from bench.settings import Settings

ON_A_SITE: dict[str, Callable[[Site, Settings], Sequence[Figure]]] = {
    "p1": enrolling.one_hot_cohort,
    "p2": enrolling.thousand_cohorts,
    "p3": paying.paid_path,
    "p4": answering.under_load,
    "p4-paid": answering_paid.under_load,
    "p5": opening.opening_day,
    "p6": following.following,
    "p7": pages.pages,
    "p8": growing.growth,
    "seen": seeing.seeing,
    "p13": mailing.mailing,
}
BY_ITSELF: dict[str, Callable[[Settings], Sequence[Figure]]] = {
    "p10": starting.starting,
    "p12": waiting.waiting,
}
NAMES = [*ON_A_SITE, *BY_ITSELF]


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(NAMES), metavar="[NAME]...")
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(min=1))
@click.option("--seconds", default=8.0, show_default=True, type=click.FloatRange(min=1))
@click.option("--people", default=40_000, show_default=True, type=click.IntRange(min=1000))
@click.option("--streams", default=10_000, show_default=True, type=click.IntRange(min=200))
@click.option("--sizes", default="4,5,6", show_default=True, help="Powers of ten, for p8.")
@click.option("--keep/--no-keep", default=True, help="Write bench/results (default) or not.")
def main(
    *,
    names: Sequence[str],
    rounds: int,
    seconds: float,
    people: int,
    streams: int,
    sizes: str,
    keep: bool,
) -> None:
    """Measure Matricula: every benchmark, or those named (p1 … p8, seen, p10, p12, p13).

    Each figure stands beside its limit, measured in the same run, in turns. A figure of one run
    says nothing beside one of another run; the ratio does. bench/README.md says what each means.
    """
    settings = Settings(
        rounds=rounds, seconds=seconds, people=people, streams=streams, sizes=_sizes(sizes)
    )
    wanted = [name for name in NAMES if not names or name in names]
    figures: list[Figure] = []
    try:
        if any(name in ON_A_SITE for name in wanted):
            _say(f"Making {people:,} people and a site")
            with running_site(people) as site:
                for name in (name for name in wanted if name in ON_A_SITE):
                    work = partial(ON_A_SITE[name], site, settings)
                    figures += _measure(name, work, settings, keep=keep)
        for name in (name for name in wanted if name in BY_ITSELF):
            work = partial(BY_ITSELF[name], settings)
            figures += _measure(name, work, settings, keep=keep)
    except BenchError as error:
        _say(report.table(figures))
        raise click.ClickException(str(error)) from error
    _say("")
    _say(report.table(figures))


def _sizes(powers: str) -> tuple[int, ...]:
    return tuple(sorted(10 ** int(power) for power in powers.split(",")))


def _measure(
    name: str, work: Callable[[], Sequence[Figure]], settings: Settings, *, keep: bool
) -> Sequence[Figure]:
    _say(f"Measuring {name}")
    figures = work()
    if keep:
        report.keep(name, asdict(settings), figures)
    return figures


def _say(line: str) -> None:
    click.echo(line)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
