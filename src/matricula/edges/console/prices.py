"""What a course costs, currency by currency."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.forms import BaseFormSet
from unfold.admin import StackedInline
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminTextInputWidget

from matricula.catalog.models import CoursePrice
from matricula.edges.console.base import PlainChoices
from matricula.edges.console.recording import Changes
from matricula.kernel.money import Money


class PriceForm(forms.ModelForm):  # type: ignore[type-arg]
    """A price in major units, as people write it: 2999.00, not 299900."""

    currency = forms.CharField(max_length=3, widget=UnfoldAdminTextInputWidget({"size": 4}))
    amount = forms.DecimalField(
        label="Price", min_value=Decimal(0), max_digits=15, widget=UnfoldAdminDecimalFieldWidget
    )
    sale = forms.DecimalField(
        label="Sale price",
        min_value=Decimal(0),
        max_digits=15,
        required=False,
        widget=UnfoldAdminDecimalFieldWidget,
    )

    class Meta:
        model = CoursePrice
        fields = ("currency", "amount", "sale", "sale_starts_at", "sale_ends_at")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        price = self.instance
        if price.pk:
            self.initial["amount"] = Money(price.amount_minor, price.currency).major
            if price.sale_minor is not None:
                self.initial["sale"] = Money(price.sale_minor, price.currency).major

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).upper()

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        amount = self._minor("amount")
        sale = self._minor("sale")
        if amount == 0:
            self.add_error("amount", "A free course has no price at all: delete this line.")
        if amount is not None and sale is not None and sale >= amount:
            self.add_error("sale", "The sale price has to be lower than the price.")
        starts, ends = values.get("sale_starts_at"), values.get("sale_ends_at")
        if starts is not None and ends is not None and ends <= starts:
            self.add_error("sale_ends_at", "The sale has to end after it starts.")
        if amount is not None:
            self.instance.amount_minor = amount
        self.instance.sale_minor = sale
        return values

    def _minor(self, name: str) -> int | None:
        """The field in minor units; None when it is empty or wrong, which then has been said."""
        amount, currency = self.cleaned_data.get(name), self.cleaned_data.get("currency")
        if amount is None or currency is None:
            return None
        try:
            price = Money.of_major(amount, currency)
            if not price.is_chargeable:
                self.add_error(name, f"{currency} is charged with two decimals: end with a 0.")
            return price.minor
        except ValueError as error:
            # An unknown currency is the model's to refuse; here it only means no amount yet.
            if "decimals" in str(error):
                self.add_error(name, f"{error}.")
            return None


class PriceInline(PlainChoices, StackedInline):  # type: ignore[misc]
    model = CoursePrice
    form = PriceForm
    extra = 0
    fields = ("currency", "amount", "sale", "sale_starts_at", "sale_ends_at")
    verbose_name = "price"
    verbose_name_plural = "Prices (a course without a price is free)"


def price_changes(formset: BaseFormSet[Any]) -> list[Changes]:
    """Amounts before and after, for each line that was touched."""
    lines: list[Changes] = []
    for form in formset.forms:
        deleted = form in formset.deleted_forms
        if not deleted and not form.has_changed():
            continue
        is_new = not form.initial.get("currency")
        if deleted and is_new:
            continue
        lines.append(
            {
                "currency": form.cleaned_data.get("currency") or form.initial.get("currency"),
                "fields": [] if deleted else list(form.changed_data),
                "amount": {
                    "old": None if is_new else str(form.initial["amount"]),
                    "new": None if deleted else str(form.cleaned_data["amount"]),
                },
            }
        )
    return lines
