"""The base of the models."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from decimal import Decimal
from functools import wraps
from typing import Any, Callable, NoReturn, TypeVar, cast

_Show = TypeVar("_Show", bound=Callable[[Any], str])
_Self = TypeVar("_Self", bound="Model")


def complete(show: _Show) -> _Show:
    """Returns a `__repr__` that also works for an object whose creation has failed, which error reports show."""

    @wraps(show)
    def __repr__(self: Any) -> str:
        try:
            return show(self)
        except AttributeError:
            return f"<{type(self).__module__}.{type(self).__qualname__}, incomplete>"

    return cast(_Show, __repr__)


def as_time(text: str) -> datetime:
    """Returns an ISO 8601 time in UTC."""
    # The form that the service writes: 2027-01-31T12:00:00Z.
    if len(text) == 20 and text[19] == "Z":
        return datetime.fromisoformat(text[:19] + "+00:00")
    date, _, rest = text.partition("T")
    zone = rest[8:]
    fraction = ""
    if zone.startswith("."):
        digits = len(zone) - len(zone[1:].lstrip("0123456789")) - 1
        fraction, zone = "." + zone[1 : digits + 1][:6].ljust(6, "0"), zone[digits + 1 :]
    if zone == "Z":
        zone = "+00:00"
    elif len(zone) == 3:
        zone += ":00"
    elif len(zone) == 5:
        zone = zone[:3] + ":" + zone[3:]
    return datetime.fromisoformat(f"{date}T{rest[:8]}{fraction}{zone}").astimezone(timezone.utc)


def as_text(time: datetime | None) -> str | None:
    """Returns a time as the API writes it."""
    if time is None:
        return None
    if time.tzinfo is None:
        raise ValueError("a time must have a time zone, such as datetime.timezone.utc")
    text = time.astimezone(timezone.utc).isoformat()
    return text.replace("+00:00", "Z")


def as_amount(number: float) -> Decimal:
    """Returns a number of the API as an amount: the shortest decimal that stands for the number, which is the exact one."""
    return Decimal(repr(number))


def as_decimal(name: str, amount: Decimal | float) -> Decimal:
    """Returns an amount in whole millionths.

    A `float` is rounded to them, because most decimals have no exact `float`. A `Decimal` must be one already.
    """
    if isinstance(amount, bool) or not isinstance(amount, (Decimal, float, int)):
        raise TypeError(f"{name} must be a Decimal, an int or a float, and not {type(amount).__name__}")
    value = Decimal(repr(amount)) if isinstance(amount, float) else Decimal(amount)
    if not value.is_finite() or abs(value) > 4_000_000_000:
        raise ValueError(f"{name} must be a number up to 4,000,000,000")
    rounded = round(value, 6)
    if rounded != value and not isinstance(amount, float):
        raise ValueError(f"{name} must have at most six decimals")
    return rounded


def as_number(amount: Decimal | float | None) -> float | None:
    """Returns an amount as the API writes it."""
    if amount is None:
        return None
    value = as_decimal("an amount", amount)
    return int(value) if value == value.to_integral_value() else float(value)


def _attribute(name: str) -> str:
    # The only field that is a keyword of Python.
    return "from_" if name == "from" else name


class Model:
    """A frozen object whose attributes come from a JSON object."""

    __slots__ = ("__weakref__", "_values")
    _fields: tuple[str, ...] = ()
    _values: dict[str, Any]

    def _init(self, values: dict[str, Any]) -> None:
        _set_values(self, values)

    @classmethod
    def _from(cls: type[_Self], values: dict[str, Any]) -> _Self:
        model = cls.__new__(cls)
        _set_values(model, values)
        return model

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is frozen: {name} cannot be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is frozen: {name} cannot be deleted")

    def __repr__(self) -> str:
        names = map(_attribute, self._fields)
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{type(self).__name__}({fields})"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self._compared() == other._compared()

    def _compared(self) -> dict[str, Any]:
        return {name: self._values.get(name) for name in self._fields}

    def __hash__(self) -> int:
        return hash((type(self).__name__, json.dumps(self._compared(), sort_keys=True)))

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), dict(self._values))

    def __copy__(self: _Self) -> _Self:
        return self

    def __deepcopy__(self: _Self, memo: object) -> _Self:
        return self

    def to_dict(self) -> dict[str, Any]:
        """Returns the fields as the API writes them, for JSON."""
        values: dict[str, Any] = json.loads(json.dumps(self._compared()))
        return values


# The slot's own setter, because the class refuses assignments.
_set_values = Model.__dict__["_values"].__set__


def _rebuild(kind: type[Model], values: dict[str, Any]) -> Model:
    return kind._from(values)
