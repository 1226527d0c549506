"""Ordinary Django work for the live edge: what is rare and short, or has threads of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from django.db import connections

Result = TypeVar("Result")
THREADS = 2
_pool = ThreadPoolExecutor(THREADS, thread_name_prefix="live")


async def in_django(work: Callable[[], Result], pool: ThreadPoolExecutor = _pool) -> Result:
    """What `work` returns or raises; it runs in a thread, with a connection of Django's pool, which
    it gives back. The correlation id and the language go along."""
    context = copy_context()
    return await asyncio.get_running_loop().run_in_executor(pool, context.run, _run, work)


def _run(work: Callable[[], Result]) -> Result:
    try:
        return work()
    finally:
        connections.close_all()
