"""Expected failures of the catalog."""

from __future__ import annotations

from matricula.kernel.errors import NotFound


class CourseMoved(NotFound):
    """The course was at this address once. `slug` is where it is now."""

    def __init__(self, slug: str) -> None:
        super().__init__()
        self.slug = slug
