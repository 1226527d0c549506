"""Money: an integer of minor units and an ISO 4217 code. Never a float, never a bare Decimal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache

import moneyed


class CurrencyMismatch(ValueError):
    """Two amounts of different currencies were to be added or compared."""


@lru_cache(maxsize=256)
def minor_digits(currency: str) -> int:
    """How many decimals the currency has for payments: 2 for INR, 0 for JPY, 3 for KWD.

    Raises ValueError for a code that ISO 4217 does not know.
    """
    try:
        sub_unit = moneyed.get_currency(currency).sub_unit
    except moneyed.CurrencyDoesNotExist as error:
        raise ValueError(f"{currency!r} is not an ISO 4217 currency") from error
    return len(str(sub_unit)) - 1


@lru_cache(maxsize=256)
def charge_step(currency: str) -> int:
    """The minor units that amounts which are charged or refunded are multiples of: 10 for
    currencies of three decimals, else 1.

    Cards carry two decimals, so gateways want 0 as the third
    (https://razorpay.com/docs/payments/international-payments/#supported-currencies).
    """
    return 10 if minor_digits(currency) == 3 else 1  # noqa: PLR2004 - the decimals of KWD


@dataclass(frozen=True, order=False)
class Money:
    """An amount of one currency, in its minor units (paise, cents). May be negative."""

    minor: int
    currency: str

    def __post_init__(self) -> None:
        if isinstance(self.minor, bool) or not isinstance(self.minor, int):
            raise TypeError("minor units are whole numbers")
        minor_digits(self.currency)

    @classmethod
    def of_major(cls, amount: Decimal | str | int, currency: str) -> Money:
        """The amount in major units.

        Raises ValueError for a text that is no amount, and when it has more decimals than the
        currency; TypeError for a float.
        """
        if isinstance(amount, bool) or not isinstance(amount, Decimal | str | int):
            raise TypeError("major units are a Decimal, a text or a whole number")
        try:
            scaled = Decimal(amount).scaleb(minor_digits(currency))
            is_finite = scaled.is_finite()
        except InvalidOperation:
            is_finite = False
        if not is_finite:
            raise ValueError(f"{amount!r} is not an amount")
        if scaled != scaled.to_integral_value():
            raise ValueError(f"{amount} has more decimals than {currency} has")
        return cls(int(scaled), currency)

    @classmethod
    def zero(cls, currency: str) -> Money:
        return cls(0, currency)

    @classmethod
    def rounded(cls, exact: Decimal, currency: str) -> Money:
        """The amount that can be charged nearest to these minor units, a half away from zero."""
        step = charge_step(currency)
        return cls(
            int((exact / step).quantize(Decimal(1), rounding=ROUND_HALF_UP)) * step, currency
        )

    @property
    def is_chargeable(self) -> bool:
        """Whether gateways take an amount like this: see `charge_step`."""
        return self.minor % charge_step(self.currency) == 0

    @property
    def major(self) -> Decimal:
        """Major units with exactly the currency's decimals: `Decimal("2999.00")`."""
        return Decimal(self.minor).scaleb(-minor_digits(self.currency))

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other).minor, self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other).minor, self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other).minor

    def __le__(self, other: Money) -> bool:
        return self.minor <= self._same(other).minor

    def __gt__(self, other: Money) -> bool:
        return self.minor > self._same(other).minor

    def __ge__(self, other: Money) -> bool:
        return self.minor >= self._same(other).minor

    def __bool__(self) -> bool:
        return self.minor != 0

    def percent(self, rate: Decimal) -> Money:
        """`rate` per cent of the amount, rounded to what can be charged, a half away from zero."""
        return Money.rounded(Decimal(self.minor) * rate / 100, self.currency)

    def split(self, weights: Sequence[int]) -> list[Money]:
        """Parts in proportion to `weights` that sum exactly to the amount (largest remainder).

        Parts are multiples of `charge_step` where the amount is one; what it has beyond a multiple
        goes to the part with the largest weight. Leftover steps go to the largest remainders, the
        first of equals first. Raises ValueError when the weights are negative or all zero.
        """
        total = sum(weights)
        if total <= 0 or min(weights) < 0:
            raise ValueError("weights must not be negative, and one must be above zero")
        sign = -1 if self.minor < 0 else 1
        step = charge_step(self.currency)
        steps, beyond = divmod(abs(self.minor), step)
        shares = [divmod(steps * weight, total) for weight in weights]
        parts = [whole * step for whole, _ in shares]
        by_remainder = sorted(range(len(shares)), key=lambda place: -shares[place][1])
        for place in by_remainder[: steps - sum(parts) // step]:
            parts[place] += step
        parts[max(range(len(weights)), key=lambda place: weights[place])] += beyond
        return [Money(sign * part, self.currency) for part in parts]

    def _same(self, other: Money) -> Money:
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency}")
        return other
