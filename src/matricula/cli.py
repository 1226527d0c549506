"""The `matricula` command. Each command only translates: the work is done where it belongs.

Django and the domain rooms are imported inside the commands, so that `--help` answers at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from matricula import __version__
from matricula.config.environment import Environment, load
from matricula.config.reading import SettingError
from matricula.runtime.errors import StartError

_LARGEST_MAIL = 10 * 1024 * 1024  # bytes of a returned mail, or of one that comes in


class _Commands(click.Group):
    """Shows a failure that the operator can mend as its one line."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except (SettingError, StartError) as error:
            click.echo(str(error), err=True)
            context.exit(1)


@click.group(cls=_Commands)
def main() -> None:
    """Matricula: enrollment and checkout for courses.

    Settings come from the environment; README.md lists them.
    """


@main.command()
@click.option("--stop-with-parent", is_flag=True, hidden=True)
def serve(stop_with_parent: bool) -> None:
    """Run everything this machine needs, in the foreground.

    Starts the embedded database when DATABASE_URL is unset, brings the database up to date, adds
    the demo data in demo mode (MATRICULA_DEMO=1), and keeps the web processes and the worker
    running. Ctrl-C or SIGTERM stops all of it in order; a second Ctrl-C hurries.
    """
    from matricula.programs import PROGRAMS
    from matricula.runtime import children, database, serving

    if stop_with_parent:
        children.stop_with_parent()
    environment = load(os.environ)
    if environment.database_url:
        database.check_server(environment.database_url)
    database.mark_demo(environment)
    serving.serve(environment, PROGRAMS, _say, lambda: _greet(environment))
    _say("Matricula has stopped")


@main.command()
def web() -> None:
    """Run web processes only, WEB_WORKERS of them (for several machines)."""
    from matricula.programs import PROGRAMS
    from matricula.runtime import database, serving

    environment = load(os.environ)
    if environment.database_url:
        database.check_server(environment.database_url)
    serving.serve_web(environment, PROGRAMS, _say, lambda: _say("Matricula is ready"))


@main.command()
def worker() -> None:
    """Run the worker only: jobs, timers, and the dispatcher of events."""
    from matricula import programs

    programs.worker()


@main.command()
def migrate() -> None:
    """Bring the database up to date. Safe to run on several machines at once."""
    from matricula import programs

    with _django():
        programs.migrate()


@main.command()
@click.option("--people", type=click.IntRange(min=1), help="Also add this many people.")
@click.option(
    "--tokens",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write an access token for each of them to this file, one a line.",
)
def demo(people: int | None, tokens: Path | None) -> None:
    """Add the demo data; with --people, people for load tests. Demo mode only."""
    if people is None and tokens is not None:
        raise click.UsageError("--tokens needs --people")
    with _django() as environment:
        from matricula import demo as demo_data
        from matricula.runtime import set_up_mark

        if not environment.demo:
            raise SettingError("MATRICULA_DEMO", "is off", "set it to 1 to use demo data")
        set_up_mark.forget(os.environ["DATABASE_URL"])  # a start in earnest closes these accounts
        demo_data.load()
        if people is not None:
            demo_data.add_people(people, tokens)
            _say(f"{people} people added")


@main.command()
@click.option("--repair", is_flag=True, help="Mend what can be mended.")
def doctor(repair: bool) -> None:
    """Check that the books agree: seats, enrollments, payments, events, jobs.

    Prints each finding and exits with 1 when there is one.
    """
    with _django():
        from matricula.flows.doctor import examine

        findings = examine(repair=repair)
        for finding in findings:
            _say(str(finding))
    if findings:
        sys.exit(1)
    _say("Nothing found: the books agree")


@main.command()
@click.option("--hours", default=48, show_default=True, help="How far back to compare.")
def reconcile(hours: int) -> None:
    """Ask the payment gateway what became of every open payment, and compare its books with ours.

    Prints what was found and exits with 1 when the books differ or the gateway did not answer.
    """
    with _django():
        from matricula.flows.reconcile import run_now

        summary = run_now(hours)
    _say(
        f"{summary.checked} open payments asked about, {summary.unanswered} without an answer; "
        f"{summary.compared} captured payments compared, {summary.settled} settled, "
        f"{summary.differences} differ"
    )
    if summary.unanswered or summary.differences:
        sys.exit(1)


@main.command()
def bounce() -> None:
    """Note a returned mail, read from standard input: its address gets no more mail.

    Reads delivery status notifications (RFC 3464) and abuse reports (RFC 5965). Anything else, and
    what is about no mail of ours, is passed over. Ends with 75 for what is to be tried again.
    """
    raw = sys.stdin.buffer.read(_LARGEST_MAIL)
    with _django_for_mail():
        from matricula.notifications import bounces

        report = bounces.read_report(raw)
        is_ours = report is not None and bounces.record(report)
        click.echo("noted" if is_ours else "passed over")


@main.command("mail-in")
@click.option("--recipient", default="", help="The envelope's recipient, if the caller knows it.")
def mail_in(recipient: str) -> None:
    """Take a mail, read from standard input: a reply to support goes into its conversation.

    For a mail server that hands mail to a program (docs/operating.md). Returned mail is noted as by
    `bounce`. Ends with the codes that mail servers know (sysexits.h): 67 for an address that takes
    no mail, 77 for a sender who may not write there, 75 for what is to be tried again.
    """
    raw = sys.stdin.buffer.read(_LARGEST_MAIL)
    with _django_for_mail():
        from matricula.flows import replies
        from matricula.kernel.errors import DomainError, RateLimited

        try:
            outcome = replies.receive(raw, recipient)
        except RateLimited:
            raise
        except DomainError as error:
            click.echo(f"refused: {error.detail}")
            sys.exit(os.EX_DATAERR)
    click.echo(outcome.value)
    sys.exit({"UNKNOWN": os.EX_NOUSER, "NOT_THEIRS": os.EX_NOPERM}.get(outcome.name, os.EX_OK))


@main.command("create-staff")
@click.argument("email")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input.")
def create_staff(email: str, password_stdin: bool) -> None:
    """Make EMAIL a member of staff with all rights, asking for a password."""
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    with _django():
        from matricula.accounts.actions import create_staff as make_staff
        from matricula.kernel.errors import DomainError

        try:
            make_staff(email=email, password=password)
        except DomainError as error:
            raise StartError(error.detail) from error
    _say(f"{email} is staff now")


@main.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Write a backup of the database to FILE, wholly or not at all."""
    from matricula.runtime.backup import back_up
    from matricula.runtime.database import configured_database

    with configured_database():
        size = back_up(os.environ["DATABASE_URL"], file)
    _say(f"{file} written, {size} bytes")


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Replace what the database holds.")
def restore(file: Path, yes: bool) -> None:
    """Bring the database back from the backup FILE, wholly or not at all."""
    from matricula.runtime import backup as backups
    from matricula.runtime.database import configured_database

    with configured_database():
        url = os.environ["DATABASE_URL"]
        if not yes and not backups.is_empty(url):
            raise StartError("the database is not empty: give --yes to replace what it holds")
        backups.restore(url, file)
    _say(f"{file} restored; run `matricula migrate` if an older release made it")


@main.command()
def version() -> None:
    """Print the version."""
    _say(__version__)


@contextmanager
def _django() -> Iterator[Environment]:
    from matricula.programs import django_over_database

    with django_over_database() as environment:
        yield environment


@contextmanager
def _django_for_mail() -> Iterator[None]:
    """As `_django`, for a mail server that hands us a mail, and returns it to its sender unless it
    is told to try again: with the database away, it is told so."""
    try:
        with _django():
            from django.db import Error

            from matricula.kernel.errors import RateLimited

            try:
                yield
            except (Error, RateLimited) as error:
                click.echo(f"try again later: {type(error).__name__}")
                sys.exit(os.EX_TEMPFAIL)
    except (SettingError, StartError) as error:
        click.echo(f"try again later: {error}")
        sys.exit(os.EX_TEMPFAIL)


def _greet(environment: Environment) -> None:
    site = environment.base_url
    _say(f"Site       {site}/")
    _say(f"Console    {site}/console/")
    _say(f"API docs   {site}/api/v1/docs")
    if environment.demo:
        _say(f"Mail       {site}/demo/mail/")
    if environment.razorpay is not None and environment.razorpay.is_sandbox:
        _say(f"Sandbox    {environment.razorpay.base_url}/ (payments without real money)")
    if environment.demo:
        _say("Accounts   learner@example.com, second@example.com, staff@example.com,")
        _say("           instructor@example.com; the password is matricula-demo")
    _say("Matricula is ready")


def _say(line: str) -> None:
    click.echo(line)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
