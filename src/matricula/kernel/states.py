"""State machines as tables: (state, trigger) -> state. An illegal move raises, always."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from matricula.kernel.errors import IllegalState
from matricula.kernel.words import said

State = TypeVar("State", bound=str)

# Why a move is not possible.
CHANGED = said("This is not possible now: it has changed meanwhile.")


@dataclass(frozen=True)
class Transitions(Generic[State]):
    """The legal moves of one kind of thing."""

    subject: str
    table: Mapping[tuple[State, str], State]

    def transition(self, state: State, trigger: str) -> State:
        """The state after `trigger`. Raises IllegalState when there is no such move."""
        try:
            return self.table[state, trigger]
        except KeyError:
            raise IllegalState(CHANGED) from None

    def allows(self, state: State, trigger: str) -> bool:
        return (state, trigger) in self.table

    @property
    def states(self) -> tuple[State, ...]:
        """Every state that occurs, in the order of the table."""
        ends = (state for move in self.table.items() for state in (move[0][0], move[1]))
        return tuple(dict.fromkeys(ends))
