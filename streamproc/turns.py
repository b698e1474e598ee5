"""Let units overlap without overtaking: one emits while the next decides."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

__all__ = ["Turn", "Turns"]


class Turns:
    """Two places in a row, where units decide and where they emit, each with room for one."""

    def __init__(self) -> None:
        """Begin with both places free."""
        # Both let in whoever asked first, and nobody asks for the second but from the first.
        self.deciding = asyncio.Lock()
        self.emitting = asyncio.Lock()

    def turn(self) -> Turn:
        """Let a unit come; it holds no place yet."""
        return Turn(self)


class Turn:
    """One unit's way through both places. Leaving the `async with` block gives up whatever is still held."""

    def __init__(self, turns: Turns) -> None:
        """Stand before the first place of `turns`."""
        self._turns = turns
        self._held: list[asyncio.Lock] = []
        self._stays = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        for place in self._held:
            place.release()
        self._held.clear()

    async def decides(self) -> None:
        """Wait until every earlier unit has decided."""
        if not self._held:
            await self._enter(self._turns.deciding)

    async def emits(self) -> None:
        """Wait until every earlier unit has emitted; the next one may decide from then on."""
        if not self._stays:
            await self._enter(self._turns.emitting)
            self._turns.deciding.release()
            self._held.remove(self._turns.deciding)

    async def stays(self) -> None:
        """Wait until every earlier unit is done, and let no other pass that has not yet, to begin again from here."""
        await self.decides()
        if self._turns.emitting not in self._held:
            await self._enter(self._turns.emitting)
        self._stays = True

    async def _enter(self, place: asyncio.Lock) -> None:
        await place.acquire()
        self._held.append(place)
