"""Invoices and credit notes of an order."""

from __future__ import annotations

from uuid import UUID

from matricula.orders.models import Document


def documents_of(order_id: UUID) -> list[Document]:
    """The papers of an order, the oldest first."""
    return list(Document.objects.filter(order=order_id).order_by("pk"))
