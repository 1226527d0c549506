"""Structured logs: one JSON object a line, each with the correlation id of what caused it."""

from __future__ import annotations

import logging
import logging.config
import re
from typing import Any

import structlog
from structlog.types import EventDict, Processor

from matricula.edges import request_log
from matricula.kernel import correlation

_HIDDEN_WORDS = ("password", "secret", "token", "authorization", "cookie", "signature")


# A path part or query value that lets whoever reads it act for somebody. A test walks all routes.
_SECRET_IN_URL = re.compile(
    r"(/(?:guests|unsubscribe|support/links|accounts/confirm-email|accounts/password/reset/key)/"
    r"|[?&](?:token|key|code|secret|signature)=)[^/\s?&#\"'<>]+"
)


def hide_secrets(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Replaces the value of every key that names a secret, and secrets in URLs wherever they
    stand: in messages, in values and in stack traces."""
    for key, value in event.items():
        is_secret = any(word in key.lower() for word in _HIDDEN_WORDS)
        event[key] = "[hidden]" if is_secret else _without_secrets(value)
    return event


def _without_secrets(value: Any) -> Any:
    if isinstance(value, str):
        return _SECRET_IN_URL.sub(r"\1[hidden]", value)
    if isinstance(value, dict):
        return hide_secrets(None, "", {str(key): inner for key, inner in value.items()})
    if isinstance(value, list | tuple):
        return [_without_secrets(inner) for inner in value]
    return value


def name_cause(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Adds the correlation id of what is being done, if there is one."""
    correlation_id = correlation.current()
    if correlation_id:
        event["correlation_id"] = correlation_id
    return event


_SHARED: list[Processor] = [
    name_cause,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
    hide_secrets,
]


def configure() -> None:
    """Sends structlog's and the standard library's records through one JSON formatter."""
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": _SHARED,
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(),
        ],
    }
    quiet = ("uvicorn.access", "procrastinate", "django.request")
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"json": formatter},
            "handlers": {
                "out": {"class": "logging.StreamHandler", "formatter": "json"},
                "as_written": {"class": "logging.StreamHandler"},
            },
            "root": {"handlers": ["out"], "level": "INFO"},
            # procrastinate prints every job's arguments at INFO; Django repeats as a warning
            # each 4xx that our own request log already holds.
            # A foreign Host header is answered with 400; its stack trace would say no more.
            "loggers": {
                **{name: {"level": "ERROR"} for name in quiet},
                "django.security.DisallowedHost": {"level": "CRITICAL"},
                request_log.NAME: {"handlers": ["as_written"], "propagate": False},
            },
        }
    )
