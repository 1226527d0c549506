"""Forms that cannot be read are refused before a view, or the check of their token, reads them."""

from __future__ import annotations

from django.core.exceptions import BadRequest
from django.http import HttpRequest, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.utils.translation import gettext_lazy as _

from matricula.kernel.errors import MalformedRequest

_FORM_TYPES = {"multipart/form-data", "application/x-www-form-urlencoded"}
_UTF_8 = {"utf-8", "utf8", "us-ascii", "ascii"}
# These read their body themselves, and may not find it read already.
_PROGRAMS = ("/api/", "/webhooks/")


def check(request: HttpRequest) -> None:
    """Promises that `request.GET` and `request.POST` can be read, are decoded from UTF-8 and hold
    no NUL. Raises MalformedRequest otherwise, and RequestDataTooBig or TooManyFieldsSent as Django
    does for what is over its limits.
    """
    is_form = request.content_type in _FORM_TYPES
    if is_form and (request.encoding or "utf-8").lower() not in _UTF_8:
        raise MalformedRequest(_("A form has to be sent in UTF-8."))
    # The charset of a body says nothing of the address: some charsets decode to no valid text.
    request.encoding = "utf-8"
    if not is_form or request.method != "POST" or request.path.startswith(_PROGRAMS):
        return
    try:
        sent = request.POST
    except (MultiPartParserError, BadRequest, UnreadablePostError) as error:
        raise MalformedRequest(_("The form cannot be read.")) from error
    if any("\x00" in text for name, values in sent.lists() for text in (name, *values)):
        raise MalformedRequest(_("It holds a NUL character."))
