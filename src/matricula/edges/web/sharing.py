"""What a course is shared with: its address, its card, and a mail to write."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from matricula.edges import languages
from matricula.edges.web.structured import absolute


@dataclass(frozen=True)
class Share:
    """`url` and `card` are whole addresses; `mail` opens a letter that holds the first."""

    title: str
    url: str
    card: str
    mail: str


def canonical_of(url: str, language: str) -> str:
    """The address that search engines know a page by: each language it is asked for in has its own
    (`components/alternates.html`), and whatever else an address carries is dropped."""
    if not languages.is_known(language) or language == languages.PSEUDO:
        return url
    return f"{url}?{urlencode({languages.PARAMETER: language})}"


def share_of(slug: str, title: str) -> Share:
    """For the course with this slug."""
    url = absolute("course", slug)
    letter = urlencode({"subject": title, "body": url}, quote_via=quote)
    return Share(title, url, absolute("course_card", slug), f"mailto:?{letter}")
