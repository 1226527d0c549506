"""The living page of what every page is made of, in demo mode: each component in each state.

It speaks to those who build pages, so its own words stand in English alone.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from matricula.edges import button
from matricula.edges.web import words
from matricula.edges.web.bills import Bill, Row
from matricula.edges.web.guard import page
from matricula.edges.web.offers import Card, Control, Meter, Price
from matricula.edges.web.progress import Step
from matricula.edges.web.suggested import Suggested
from matricula.edges.web.waiting import Standing
from matricula.flows.offer import ButtonState
from matricula.kernel import clock, ids
from matricula.kernel.errors import NotFound
from matricula.kernel.money import Money

COLOURS = ("paper", "sheet", "ink", "soft", "line", "edge", "accent", "wash", "warn", "wrong")
SPACES = range(1, 8)


class SampleForm(forms.Form):
    """A field of each kind; the last one is wrong when it is sent empty."""

    name = forms.CharField(label="Full name", help_text="As it stands on the certificate.")
    phone = forms.CharField(label="Phone", required=False)
    reason = forms.CharField(label="Why?", widget=forms.Textarea(attrs={"rows": 3}), required=False)
    language = forms.ChoiceField(label="Language", choices=settings.LANGUAGES)
    email = forms.EmailField(label="E-mail address")


@page("GET", personal=False)
def styleguide(request: HttpRequest) -> HttpResponse:
    """Every component in every state."""
    if not settings.ENVIRONMENT.demo:
        raise NotFound
    price = Price(words.money(Money(299_900, "INR")), regular=words.money(Money(499_900, "INR")))
    context = {
        "colours": COLOURS,
        "spaces": SPACES,
        "prices": [Price("Free"), Price(words.money(Money(99_900, "INR"))), price],
        "meters": [Meter(0, 30), Meter(12, 30), Meter(27, 30), Meter(30, 30)],
        "controls": [
            Control(state, str(button.LABELS[state]), "#controls") for state in ButtonState
        ],
        "cards": _cards(price),
        "bill": _bill(),
        "ways": _ways(),
        "alternatives": _instead(price),
        "line": _line(),
        "now": clock.now(),
        "form": SampleForm({"name": "Asha Rao", "language": "en", "email": "asha(at)example.com"}),
        "holds": [
            {"seconds": seconds, "ends_at": clock.now() + timedelta(seconds=seconds)}
            for seconds in (1500, 90)
        ],
    }
    return render(request, "styleguide/page.html", context)


def _cards(price: Price) -> list[Card]:
    usual = Card(
        slug="full-stack-development",
        title="Full Stack Development",
        summary="Build and run a complete web application, from the database to the browser.",
        category="Programming",
        instructor="Jane Smith",
        duration=words.weeks(12),
        price=price,
        seats=words.seat_words()["other"] % {"count": 30},
        is_low=False,
        state="Open for enrollment",
        tone="open",
        to_guests=ButtonState.LOGIN_REQUIRED,
    )
    few = words.seat_words()["few"] % {"count": 3}
    return [
        usual,
        replace(usual, slug="evening-lab", title="Evening Lab", seats=few, is_low=True),
        replace(
            usual,
            slug="tiny-seminar",
            title="Tiny Seminar",
            seats="",
            state="Full",
            tone="quiet",
        ),
        replace(
            usual,
            slug="hot-drop",
            title="Hot Drop",
            seats="",
            state="You are enrolled",
            tone="mine",
        ),
    ]


def _bill() -> Bill:
    rows = (
        Row("Full Stack Development", words.money(Money(499_900, "INR"))),
        Row("Discount", words.money(Money(-200_000, "INR")), "off"),
        Row("CGST 9 %", words.money(Money(26_991, "INR"))),
        Row("SGST 9 %", words.money(Money(26_991, "INR"))),
    )
    return Bill(rows, words.money(Money(353_882, "INR")), 353_882, is_free=False, notes=())


def _ways() -> list[list[Step]]:
    """Under way, arrived and ended."""
    at = clock.now()
    begun = [Step("Requested", "done", "done", at), Step("Seat held", "done", "done", at)]
    return [
        [*begun, Step("Payment", "now", "now"), Step("Enrolled", "ahead", "ahead")],
        [*begun, Step("Enrolled", "now", "now", at)],
        [*begun, Step("Cancelled", "ended", "ended", at)],
    ]


def _instead(price: Price) -> list[Suggested]:
    """One with few seats, one with a long title and reason."""
    long = "Advanced Data Engineering for People in a Hurry"
    few = words.seat_words()["few"] % {"count": 3}
    reasons = ("On a similar subject", "People who took this also took it")
    return [
        Suggested(ids.new_id(), "evening-lab", "Evening Lab", price, reasons[0], few),
        Suggested(ids.new_id(), "advanced-data-engineering", long, price, reasons[1]),
    ]


def _line() -> Standing:
    return Standing(
        position="128",
        ahead="127 people are before you.",
        wait="About 3 minutes.",
        doubt="There may not be seats for everybody before you.",
        seats="100 seats left",
        then="When your turn comes you are enrolled at once.",
        look_again=10,
    )
