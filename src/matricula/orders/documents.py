"""Invoices and credit notes of an order: what stands on them, and printing them.

Everything that is printed is frozen in the document's `content` when it is issued.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from typing import Any
from uuid import UUID

import typst

from matricula.orders import typefaces
from matricula.orders.models import Document


def documents_of(order_id: UUID) -> list[Document]:
    """The papers of an order, the oldest first."""
    return list(Document.objects.filter(order=order_id).order_by("pk"))


def print_pdf(document: Document) -> bytes:
    """The paper as PDF. The same content prints the same pages; texts are data, never markup."""
    return typeset({"serial": document.serial, **document.content})


def print_receipt(invoice: Document) -> bytes:
    """A receipt for the same content: proof of payment for whoever needs no tax paper. It has no
    number of its own, and names the invoice."""
    content = invoice.content
    about = [*content["about"], f"Invoice {invoice.serial}"]
    receipt = {
        **content,
        "title": "Receipt",
        "about": about,
        "total": {**content["total"], "label": "Paid"},
    }
    return typeset({"serial": f"Receipt for {invoice.serial}", **receipt})


def typeset(paper: Mapping[str, Any], **options: Any) -> bytes:
    """The PDF of a paper's content; `options` go to Typst."""
    faces = typefaces.needed(paper)
    families = [*typefaces.BASE_FAMILIES, *(face.family for face in faces)]
    language = typefaces.language(paper) if faces else "en"
    style = {"families": families, "language": language, "is-tall": bool(faces)}
    printed = {**paper, **style}
    folders = dict.fromkeys([typefaces.BASE, *(face.folder for face in faces)])
    with resources.as_file(resources.files("matricula.orders") / "printing") as printing:
        pdf: bytes = typst.compile(
            str(printing / "paper.typ"),
            root=str(printing),
            font_paths=[str(printing / "fonts" / folder) for folder in folders],
            ignore_system_fonts=True,
            sys_inputs={"paper": json.dumps(printed)},
            **options,
        )
    return pdf
