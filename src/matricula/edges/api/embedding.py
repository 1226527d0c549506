"""The enroll button on other people's sites: all that its script shows, in words."""

from __future__ import annotations

from typing import Annotated, Literal

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from ninja import Router, Schema
from pydantic import Field, StringConstraints

from matricula.edges import button, problems, seat_words
from matricula.edges.api import schemas
from matricula.edges.api.answers import answer, public
from matricula.flows.offer import ButtonState, CourseOffer, find_offer
from matricula.kernel import ids, words
from matricula.kernel.errors import DomainError, PermissionDenied

router = Router(tags=["Courses"])
Language = Annotated[str, StringConstraints(strip_whitespace=True, max_length=35)]
_EASES_OFF = "public, max-age=0, s-maxage=2"  # a cache in front of us spares us a crowd


class EnrollButton(Schema):
    """A course's enroll button as a guest sees it."""

    course_id: str
    slug: str
    title: str
    state: schemas.ButtonState
    label: str
    url: str = Field(description="Absolute: where the button leads.")
    price: str = Field(description="In words of the language, like ₹2,999.00 or Free.")
    regular_price: str = Field(description="Empty unless the course is on sale.")
    seats_left: int | None = Field(description="null: no limit, or nothing to enroll in.")
    seats: str = Field(description="In words; empty when registration is not open.")
    seat_words: dict[str, str] = Field(
        description="Those words by plural category of the language (CLDR), with %(count)d for the"
        " number; `none` for none, and `low` for the number up to which they get weight."
    )
    language: str
    direction: Literal["ltr", "rtl"]


@router.get(
    "/courses/{course_id}/button",
    auth=None,
    response={200: EnrollButton, 403: schemas.Problem, 404: schemas.Problem, 422: schemas.Problem},
)
def get_button(request: HttpRequest, course_id: str, language: Language = "") -> HttpResponse:
    """What the enroll button shows on another site. A browser may ask from the sites that
    MATRICULA_ALLOWED_ORIGINS names; other pages of the catalog's API answer everybody."""
    origin = request.headers.get("Origin")
    try:
        if origin is not None and origin not in settings.ENVIRONMENT.allowed_origins:
            raise PermissionDenied(_UNKNOWN_SITE)
        with translation.override(_spoken(language)):
            response = answer(_button(find_offer(course_id, None)))
        response["Cache-Control"] = _EASES_OFF
    except DomainError as error:  # what is wrong is for the other site's script to read too
        response = problems.respond(error)
    return _readable(response)


_UNKNOWN_SITE = (
    "This site may not show the button: its origin is not among MATRICULA_ALLOWED_ORIGINS."
)


def _readable(response: HttpResponse) -> HttpResponse:
    patch_vary_headers(response, ["Origin"])
    return public(response)


def _spoken(language: str) -> str:
    """The language of ours nearest to the one asked for; the site's own for an unknown one."""
    try:
        return translation.get_supported_language_variant(language)
    except LookupError:
        return settings.LANGUAGE_CODE


def _button(offer: CourseOffer) -> EnrollButton:
    price = offer.course.price
    is_on_sale = price is not None and price.on_sale(offer.at)
    is_told = offer.button in {ButtonState.LOGIN_REQUIRED, ButtonState.COURSE_FULL}
    seats = offer.chosen.seats if offer.chosen and is_told else None
    return EnrollButton(
        course_id=ids.to_text("crs", offer.course.id),
        slug=offer.course.slug,
        title=offer.course.title,
        state=offer.button.value,
        label=_("Enroll Now") if _leads_in(offer) else button.label(offer),
        url=_url(offer),
        price=words.money(price.current(offer.at)) if price else _("Free"),
        regular_price=words.money(price.regular) if price and is_on_sale else "",
        seats_left=seats.left if seats else None,
        seats=seat_words.seats(seats) if seats else "",
        seat_words=seat_words.seat_words(),
        language=translation.get_language() or settings.LANGUAGE_CODE,
        direction="rtl" if translation.get_language_bidi() else "ltr",
    )


def _leads_in(offer: CourseOffer) -> bool:
    """Whether the button leads into the enrollment. Who clicks may be signed in here: the page
    that enrolls asks a guest to sign in, and goes on."""
    return offer.button is ButtonState.LOGIN_REQUIRED and not offer.takes_tickets


def _url(offer: CourseOffer) -> str:
    page = f"{settings.ENVIRONMENT.base_url}/courses/{offer.course.slug}/"
    return f"{page}enroll/" if offer.is_open else page
