"""Mail through a real server: one that takes it, refuses it, hangs, or dies in the middle."""

from __future__ import annotations

import threading
from datetime import timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.db.models.functions import Now

from matricula.accounts.models import Person
from matricula.kernel import clock
from matricula.kernel.models import Event
from matricula.notifications import actions, bounces, sending
from matricula.notifications.actions import Recipient, Saying
from matricula.notifications.models import Delivery, SuppressedAddress
from matricula.notifications.states import DeliveryState
from tests.notifications.conftest import Say, a_letter
from tests.support.relays import HANGS, HANGS_UP, TAKES, relay

pytestmark = pytest.mark.django_db


def due_now() -> None:
    Delivery.objects.filter(state=DeliveryState.QUEUED).update(due_at=Now())


def only(row: Delivery) -> None:
    """Other tests' demo mail is out of the way."""
    Delivery.objects.exclude(pk=row.pk).delete()


def test_both_parts_arrive_in_any_script(settings: LazySettings, say: Say) -> None:
    only(row := say())
    with relay(settings) as server:
        assert sending.send_due() == 1
    (message,) = server.offered
    parts = {part.get_content_type(): part.get_content() for part in message.iter_parts()}
    assert message["Subject"] == "You are enrolled"
    assert message["Message-ID"] == row.message_id_header
    assert "नमस्ते" in parts["text/plain"]
    assert "عربي" in parts["text/html"]
    assert "Data &amp; &lt;b&gt;Science&lt;/b&gt;" in parts["text/html"]
    assert f"{settings.ENVIRONMENT.base_url}/me/" in parts["text/plain"]


def test_a_sent_mail_keeps_its_log_and_loses_its_content(settings: LazySettings, say: Say) -> None:
    only(row := say())
    with relay(settings):
        sending.send_due()
    row.refresh_from_db()
    assert (row.state, row.content) == (DeliveryState.SENT, None)
    assert row.sent_at is not None
    assert Event.objects.filter(subject=row.pk, type="message.sent").count() == 1


def test_a_batch_goes_over_one_connection(settings: LazySettings, say: Say) -> None:
    Delivery.objects.all().delete()
    for number in range(5):
        say(letter=a_letter(f"Letter {number}"))
    with relay(settings) as server:
        assert sending.send_due() == 5
    assert (len(server.offered), server.sessions) == (5, 1)


def test_saying_the_same_twice_is_one_mail(settings: LazySettings, reader: Person) -> None:
    Delivery.objects.all().delete()
    saying = Saying("receipt", uuid4(), Recipient(reader.pk, reader.email), a_letter())
    assert [actions.say([saying]), actions.say([saying])] == [1, 0]
    with relay(settings) as server:
        sending.send_due()
        sending.send_due()
    assert len(server.offered) == 1


@pytest.mark.parametrize("trouble", ["451 greylisted, come again", HANGS_UP, "421 closing"])
def test_a_mail_refused_for_now_goes_out_later_under_the_same_message_id(
    settings: LazySettings, say: Say, trouble: str
) -> None:
    only(row := say())
    with relay(settings, trouble, TAKES) as server:
        sending.send_due()
        row.refresh_from_db()
        assert (row.state, row.tries) == (DeliveryState.QUEUED, 1)
        assert row.error
        assert row.due_at > clock.now()
        due_now()
        sending.send_due()
    row.refresh_from_db()
    assert row.state == DeliveryState.SENT
    assert len({message["Message-ID"] for message in server.offered}) == 1


def test_a_relay_that_hangs_is_given_up_and_tried_again(settings: LazySettings, say: Say) -> None:
    only(row := say())
    settings.EMAIL_TIMEOUT = 0.3
    with relay(settings, HANGS, TAKES):
        sending.send_due()
        row.refresh_from_db()
        assert (row.state, row.tries) == (DeliveryState.QUEUED, 1)
        due_now()
        sending.send_due()
    row.refresh_from_db()
    assert row.state == DeliveryState.SENT


def test_a_relay_that_is_away_leaves_the_mail_queued(settings: LazySettings, say: Say) -> None:
    only(row := say())
    with relay(settings):
        pass  # closed again
    sending.send_due()
    row.refresh_from_db()
    assert (row.state, row.tries) == (DeliveryState.QUEUED, 1)
    assert row.error.startswith("ConnectionRefusedError")


def test_a_mail_refused_for_good_fails_visibly_and_may_be_sent_again(
    settings: LazySettings, say: Say
) -> None:
    only(row := say())
    with relay(settings, "554 5.7.1 we do not like it", TAKES):
        sending.send_due()
        row.refresh_from_db()
        assert (row.state, row.error) == (DeliveryState.FAILED, "554 5.7.1 we do not like it")
        assert Event.objects.filter(subject=row.pk, type="message.failed").exists()
        actions.send_again(row.pk)
        sending.send_due()
    row.refresh_from_db()
    assert row.state == DeliveryState.SENT


def test_an_address_that_does_not_exist_gets_no_more_mail(
    settings: LazySettings, say: Say, reader: Person
) -> None:
    only(first := say())
    with relay(settings, unknown=(reader.email,)) as server:
        sending.send_due()
        second = say("receipt")
        sending.send_due()
        assert server.recipients == []
    states = [Delivery.objects.get(pk=row.pk).state for row in (first, second)]
    assert states == [DeliveryState.BOUNCED, DeliveryState.SUPPRESSED]
    assert actions.lift(reader.email) is True


def test_one_mail_that_cannot_be_made_does_not_stop_the_next(
    settings: LazySettings, say: Say
) -> None:
    only(broken := say())
    assert broken.content is not None
    broken.content["attachments"] = [["x.pdf", "document", str(uuid4())]]
    broken.save()
    good = say("receipt")
    with relay(settings) as server:
        sending.send_due()
    assert len(server.offered) == 1
    states = [Delivery.objects.get(pk=row.pk).state for row in (broken, good)]
    assert states == [DeliveryState.FAILED, DeliveryState.SENT]


def test_a_mail_that_is_not_true_any_more_is_not_sent(
    settings: LazySettings, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    only(row := say("payment_failed"))
    monkeypatch.setitem(sending._still_true, "payment_failed", lambda _: False)
    due_now()
    with relay(settings) as server:
        sending.send_due()
    row.refresh_from_db()
    assert (row.state, server.offered) == (DeliveryState.OUTDATED, [])


def test_mail_that_waits_is_not_due_yet(say: Say) -> None:
    only(say("payment_failed"))
    assert sending.send_due() == 0


def test_an_address_gets_no_flood_and_loses_nothing(
    settings: LazySettings, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    Delivery.objects.all().delete()
    monkeypatch.setattr(sending, "MOST_AN_HOUR", 2)
    rows = [say(letter=a_letter(str(number))) for number in range(3)]
    with relay(settings) as server:
        sending.send_due()
        sending.send_due()
        assert len(server.offered) == 2
        Delivery.objects.filter(state=DeliveryState.SENT).update(
            sent_at=clock.now() - timedelta(hours=2)
        )
        due_now()
        sending.send_due()
    assert {Delivery.objects.get(pk=row.pk).state for row in rows} == {DeliveryState.SENT}


def test_what_may_be_turned_off_says_how_with_one_click(settings: LazySettings, say: Say) -> None:
    only(say("course_starting"))
    with relay(settings) as server:
        sending.send_due()
    (message,) = server.offered
    url = message["List-Unsubscribe"].strip(" <>")
    assert url.startswith(f"{settings.ENVIRONMENT.base_url}/unsubscribe/")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert url in message.get_body(("plain",)).get_content()  # type: ignore[union-attr]


def test_a_purchase_offers_no_unsubscribing(settings: LazySettings, say: Say) -> None:
    only(say("receipt"))
    with relay(settings) as server:
        sending.send_due()
    assert server.offered[0]["List-Unsubscribe"] is None


def test_a_sender_told_to_stop_gives_back_what_it_has_not_sent(
    settings: LazySettings, say: Say
) -> None:
    only(row := say())
    stop = threading.Event()
    stop.set()
    with relay(settings) as server:
        sending.send_due(stop)
    row.refresh_from_db()
    assert (row.state, row.tries, server.offered) == (DeliveryState.QUEUED, 0, [])
    assert row.due_at <= clock.now()


def test_a_complaint_stops_reminders_but_not_receipts(
    settings: LazySettings, say: Say, reader: Person
) -> None:
    only(row := say("course_starting"))
    with relay(settings) as server:
        sending.send_due()
        report = bounces.Report(row.message_id_header, reader.email, True, "abuse")
        assert bounces.record(report) is True
        reminder, receipt = say("course_starting"), say("receipt")
        sending.send_due()
    assert SuppressedAddress.objects.get(address=reader.email).reason == "complaint"
    states = [Delivery.objects.get(pk=one.pk).state for one in (row, reminder, receipt)]
    assert states == [DeliveryState.COMPLAINED, DeliveryState.SUPPRESSED, DeliveryState.SENT]
    assert len(server.offered) == 2


def test_a_bounce_of_mail_that_is_not_ours_silences_nobody(reader: Person) -> None:
    report = bounces.Report("<forged@elsewhere>", reader.email, False, "5.1.1")
    assert bounces.record(report) is False
    assert not SuppressedAddress.objects.filter(address=reader.email).exists()


def test_a_bounce_for_another_address_than_the_mails_silences_nobody(say: Say) -> None:
    row = say()
    report = bounces.Report(row.message_id_header, "victim@example.org", False, "5.1.1")
    assert bounces.record(report) is False


def test_mail_waits_for_a_relay_no_longer_than_a_worker_has_patience(
    settings: LazySettings,
) -> None:
    assert 0 < settings.EMAIL_TIMEOUT <= 20


class Waiting(threading.Event):
    """Time that passes only while somebody waits."""

    now = 0.0

    def wait(self, timeout: float | None = None) -> bool:
        self.now += timeout or 0
        return False


@pytest.mark.parametrize(
    ("lost", "sent_after"),
    [(0, 10.0), (0.5, 10.0), (60, 69.0)],
    ids=["steady", "a moment is made up for", "a minute is not, but for a second"],
)
def test_mail_goes_out_at_the_rate_that_is_allowed(
    monkeypatch: pytest.MonkeyPatch, settings: LazySettings, lost: float, sent_after: float
) -> None:
    passed = Waiting()
    monkeypatch.setattr(sending, "time", SimpleNamespace(monotonic=lambda: passed.now))
    pace = sending.Pace(passed)
    per_second = settings.ENVIRONMENT.mail.per_second
    for number in range(10 * per_second):
        if number == per_second:
            passed.now += lost  # to whatever was done between two batches
        pace.keep()
    assert passed.now == pytest.approx(sent_after)
