"""A request as the live edge's endpoints see it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.cookie import parse_cookie
from pydantic import BaseModel, ValidationError

from matricula.kernel.errors import FieldError, Guidance, MalformedRequest, ValidationFailed

if TYPE_CHECKING:
    from matricula.edges.live.resources import Resources

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Shape = TypeVar("Shape", bound=BaseModel)


@dataclass(slots=True)
class LiveRequest:
    """One request: its parts are parsed when they are asked for."""

    scope: Scope
    body: bytes
    params: dict[str, str]
    resources: Resources
    receive: Receive

    @property
    def method(self) -> str:
        return str(self.scope.get("method", "GET"))  # a WebSocket begins as one, unsaid

    def header(self, name: str) -> str | None:
        """The header's value; the first, when it is sent several times."""
        return header(self.scope, name)

    @property
    def cookies(self) -> dict[str, str]:
        return parse_cookie(self.header("cookie") or "")

    @property
    def query(self) -> QueryDict:
        return QueryDict(self.scope["query_string"])

    @property
    def address(self) -> str:
        """The client's address; behind a trusted proxy the one that it names."""
        client = self.scope.get("client")
        return str(client[0]) if client else ""

    def as_django(self) -> HttpRequest:
        """The same request for those parts of Django that want one. Costs more than the rest."""
        return ASGIRequest({"path": "/", **self.scope}, BytesIO(self.body))

    def read_query(self, shape: type[Shape]) -> Shape:
        """The query's parameters in this shape; of a repeated one the last, unless the shape has a
        list. Raises ValidationFailed, naming the fields, and MalformedRequest."""
        query = self.query
        given = {
            name: query.getlist(name) if _is_list(shape, name) else query[name] for name in query
        }
        if any("\x00" in value for values in query.lists() for value in values[1]):
            raise MalformedRequest("It holds a NUL character.")
        return validated(shape, given)


def validated(shape: type[Shape], given: object) -> Shape:
    """What was given, in this shape. Raises ValidationFailed, naming the fields."""
    try:
        return shape.model_validate(given)
    except ValidationError as error:
        fields = [
            FieldError(".".join(map(str, entry["loc"])) or "body", entry["msg"])
            for entry in error.errors()
        ]
        raise ValidationFailed(guidance=Guidance(errors=fields)) from error


def header(scope: Scope, name: str) -> str | None:
    """A header of a request that has not been read yet."""
    wanted = name.encode()
    for key, value in scope["headers"]:
        if key == wanted:
            text: str = value.decode("latin-1")
            return text
    return None


def _is_list(shape: type[BaseModel], name: str) -> bool:
    field = shape.model_fields.get(name)
    return field is not None and getattr(field.annotation, "__origin__", None) is list


@dataclass(slots=True)
class Ready:
    """A whole answer that has no head but the usual one. What a crowd is told is told so: making an
    HttpResponse, and taking it apart again, was a tenth of what the front spent on a request."""

    status_code: int
    content_type: str
    content: bytes


class Stream(Protocol):
    """An answer that goes on: `head` is its beginning, `run` sends the rest and ends it."""

    head: HttpResponse

    async def run(self, receive: Receive, send: Send) -> None: ...


WHOLE = (HttpResponse, Ready)
Answer = HttpResponse | Ready | Stream
# Answers the request, or leaves it to Django by answering None before it has changed anything.
Endpoint = Callable[[LiveRequest], Awaitable[Answer | None]]
