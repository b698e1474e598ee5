"""The check stays quick enough to run at every change, also for a large policy."""

from __future__ import annotations

import time

from streamproc.core.policy.loader import load_all
from streamproc.ops.try_examples import try_example
from tests.policy.samples import CAMPAIGN, FILES

CAMPAIGNS = 200
CPU_SECONDS_MAX = 5.0
KINDS = {
    "product.viewed": "view",
    "cart.item_added": "add",
    "wishlist.added": "wish",
    "cart.item_removed": "remove",
}


def campaign(number: int) -> str:
    kind = list(KINDS)[number % len(KINDS)]
    text = CAMPAIGN.replace("campaign: look", f"campaign: look_{number}").replace("product.viewed", kind)
    return text.replace("[viewed]", "[opted_in]").replace("view: c-1", f"{KINDS[kind]}: c-1")


def test_200_campaigns_are_checked_with_their_examples_in_less_than_5_s_of_processor_time() -> None:
    campaigns = {f"campaigns/look_{number}.yaml": campaign(number) for number in range(CAMPAIGNS)}
    files = {name: text for name, text in FILES.items() if not name.startswith("campaigns/")}
    begun = time.process_time()
    loaded = load_all({**files, **campaigns})
    tried = [try_example(loaded.policy, one) for examples in loaded.examples.values() for one in examples]
    took = time.process_time() - begun
    assert len(tried) == 2 * CAMPAIGNS
    assert took < CPU_SECONDS_MAX
