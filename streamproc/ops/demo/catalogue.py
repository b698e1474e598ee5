"""What the simulated shop sells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

__all__ = ["BROWSED", "CATALOGUE", "Item", "find"]


@dataclass(frozen=True)
class Item:
    """One item; the price is in cents of a euro."""

    item_id: str
    name: str
    category: str
    price_minor: int

    def properties(self) -> dict[str, Any]:
        """Return the item as Segment's E-commerce specification writes it."""
        return {
            "product_id": self.item_id,
            "name": self.name,
            "category": self.category,
            "price": self.price_minor / 100,
            "currency": "EUR",
            "quantity": 1,
        }


CATALOGUE: Final = (
    Item("coat-1", "Wool coat", "coats", 14_900),
    Item("coat-2", "Rain coat", "coats", 8_900),
    Item("coat-3", "Down parka", "coats", 21_900),
    Item("coat-4", "Trench coat", "coats", 17_900),
    Item("coat-5", "Duffle coat", "coats", 12_900),
    Item("shoe-1", "Winter boots", "shoes", 8_990),
    Item("shoe-2", "Running shoes", "shoes", 11_990),
    Item("shoe-3", "Loafers", "shoes", 7_990),
    Item("shoe-4", "Hiking boots", "shoes", 15_990),
    Item("shoe-5", "Slippers", "shoes", 2_490),
    Item("pan-1", "Iron pan", "kitchen", 4_990),
    Item("pan-2", "Copper pan", "kitchen", 9_990),
    Item("mug-1", "Stoneware mug", "kitchen", 1_290),
    Item("knife-1", "Bread knife", "kitchen", 3_450),
    Item("scale-1", "Kitchen scale", "kitchen", 2_990),
    Item("toy-1", "Wooden train", "toys", 3_990),
    Item("toy-2", "Stacking rings", "toys", 1_490),
    Item("toy-3", "Kite", "toys", 2_290),
    Item("toy-4", "Marble run", "toys", 4_590),
    Item("ring-1", "Silver ring", "jewellery", 12_900),
    Item("ring-2", "Garnet earrings", "jewellery", 8_450),
    Item("ring-3", "Wrist watch", "jewellery", 19_900),
    # A group that no policy file mentions: it is spoken of in soft words alone.
    Item("odd-1", "Mystery box", "curiosities", 3_900),
    Item("odd-2", "Crystal lamp", "curiosities", 5_900),
    Item("wine-1", "Riesling, six bottles", "wine", 5_940),
    Item("mat-1", "Maternity dress", "maternity", 5_990),
)

BROWSED: Final = tuple(item for item in CATALOGUE if item.category != "maternity")
"""What the crowd looks at. Nobody's pregnancy is left to chance, not even here."""

_BY_ID: Final = {item.item_id: item for item in CATALOGUE}


def find(item_id: str) -> Item:
    """Return an item by its id. Raises KeyError."""
    return _BY_ID[item_id]
