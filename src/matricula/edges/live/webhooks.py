"""Webhooks of payment gateways, as they come in a crowd: verified, written down many at a time, and
then answered. What is out of order in any way is left to Django (`edges/hooks`).
"""

from __future__ import annotations

import asyncio

from django.http import HttpResponse, JsonResponse

from matricula.edges.live.database import Database
from matricula.edges.live.requests import LiveRequest
from matricula.edges.metrics import WEBHOOKS
from matricula.kernel.errors import DomainError
from matricula.payments import inbox
from matricula.payments.inbox import NewWebhook

MOST_AT_ONCE = 100
_Batch = list[tuple[NewWebhook, asyncio.Future[bool]]]


class Inbox:
    """Writes webhooks down: those that come while others are being written go with the next
    statement. Nobody is answered before theirs is committed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: _Batch = []
        self._writing: asyncio.Task[None] | None = None

    async def store(self, webhook: NewWebhook) -> bool:
        """False for one that was stored before. Raises what the database raises."""
        stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((webhook, stored))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write())
        return await stored

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            await self._write_batch(batch)
        self._writing = None

    async def _write_batch(self, batch: _Batch) -> None:
        """All at once or, where that fails, each alone: one that cannot be stored fails alone."""
        try:
            columns = inbox.columns([webhook for webhook, _ in batch])
            rows = await self._database.rows(inbox.STORE, columns)
        except Exception as error:  # noqa: BLE001 - it is each one's answer
            if len(batch) == 1:
                _answer(batch, error)
                return
            for one in batch:
                await self._write_batch([one])
        else:
            _answer(batch, {row[0] for row in rows})


def _answer(batch: _Batch, found: set[object] | Exception) -> None:
    for webhook, stored in batch:
        if stored.done():
            continue  # its client went away
        if isinstance(found, Exception):
            stored.set_exception(found)
        else:
            stored.set_result(webhook.id in found)


async def receive_webhook(request: LiveRequest) -> HttpResponse | None:
    """200 once it is stored, or was stored before."""
    provider = request.params["provider"]
    headers = {name: text for name in inbox.KEPT_HEADERS if (text := request.header(name))}
    if len(request.body) > inbox.LARGEST_BODY:
        return None
    try:
        webhook = inbox.read(provider, headers, request.body)
    except DomainError:
        return None
    outcome = "stored" if await request.resources.webhooks.store(webhook) else "duplicate"
    WEBHOOKS.labels(provider, outcome).inc()
    return JsonResponse({"status": outcome})
