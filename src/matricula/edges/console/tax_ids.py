"""VAT ids: what VIES said of each, and staff's own word where it is silent or wrong."""

# ruff: noqa: ARG002 - overrides keep the parameters that Django's admin gives them

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from unfold.decorators import action

from matricula.edges.console.acting import Acting, ReasonForm, plain
from matricula.edges.console.base import ReadOnlyAdmin
from matricula.edges.console.recording import actor_id
from matricula.flows import tax_ids


class TaxIdAdmin(Acting, ReadOnlyAdmin):
    """What is known of a VAT id; whoever may change it decides by hand."""

    list_display = ("number", "state", "name", "consultation", "checked_at", "trouble")
    list_filter = ("state",)
    search_fields = ("number", "name", "consultation")
    ordering = ("-id",)
    actions_detail = ("confirm", "refuse")
    fields = (
        ("number", "state"),
        ("consultation", "checked_at"),
        ("name", "address"),
        ("submitted_at", "next_try_at", "tries", "trouble"),
        ("decided_by", "reason"),
    )

    def has_decide_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("taxids.change_taxid"))

    @action(description="Confirm by hand", url_path="confirm", permissions=["decide"])  # type: ignore[untyped-decorator]
    def confirm(self, request: HttpRequest, object_id: str) -> HttpResponse:
        points = [
            "From now on this business is charged no VAT: it owes it itself (reverse charge).",
            "Keep your proof. VIES is not asked about it any more.",
        ]
        return self._decide(request, object_id, "Confirm the VAT id", points, confirmed=True)

    @action(description="Refuse by hand", url_path="refuse", permissions=["decide"])  # type: ignore[untyped-decorator]
    def refuse(self, request: HttpRequest, object_id: str) -> HttpResponse:
        points = ["VAT is charged on what is bought with it. VIES is not asked any more."]
        return self._decide(request, object_id, "Refuse the VAT id", points, confirmed=False)

    def _decide(
        self,
        request: HttpRequest,
        object_id: str,
        title: str,
        points: list[str],
        *,
        confirmed: bool,
    ) -> HttpResponse:
        return self.ask(
            request,
            object_id,
            title=title,
            points=points,
            form=plain(ReasonForm),
            run=lambda row, answers: tax_ids.decide(
                row.pk, confirmed=confirmed, actor_id=actor_id(request), reason=answers["reason"]
            ),
            done="Decided.",
        )
