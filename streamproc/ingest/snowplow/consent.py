"""What Snowplow's consent events say about consent to processing."""

from __future__ import annotations

from typing import Final

from streamproc.ingest.consent_signals import ADDRESSED, REMEMBERED, plain_name
from streamproc.ingest.scalars import Scalar, one_of
from streamproc.ingest.snowplow.described import ConsentPreferences, ConsentWithdrawn

_CONSENT: Final = "consent"
_REFUSALS: Final = ("deny_all", "withdrawn", "expired")
_EVERYTHING: Final = "allow_all"
_SELECTION: Final = "allow_selected"
_ANSWERS: Final = (*_REFUSALS, _EVERYTHING, _SELECTION, "pending", "implicit_consent")


def processing_consent(told: ConsentPreferences | ConsentWithdrawn) -> bool | None:
    """Return whether a customer agrees to processing, None if the event does not say; refuse an unknown answer.

    The scopes that were allowed are cookie categories, read by the list that all dialects share. Whoever allows a
    selection has denied the rest, which the event does not name: it is a grant only if it holds both, to be remembered
    and to be addressed, and a refusal otherwise. Only the basis `consent` can grant, since the other bases of the GDPR
    are no opt-in; a refusal counts on any basis, and whether or not the GDPR applies. A withdrawal of a part counts as
    one of the whole.
    """
    if isinstance(told, ConsentWithdrawn):
        return False
    answer = one_of(told.event_type, "consent_preferences.eventType", _ANSWERS)
    if answer in _REFUSALS:
        return False
    scopes = {plain_name(scope) for scope in told.scopes or ()}
    enough = not scopes.isdisjoint(ADDRESSED)
    if answer == _SELECTION:
        enough = enough and not scopes.isdisjoint(REMEMBERED)
        if not enough:
            return False
    elif answer != _EVERYTHING:
        return None
    return True if enough and told.basis == _CONSENT else None


def extra_of(told: ConsentPreferences | ConsentWithdrawn) -> dict[str, Scalar]:
    """Return what the customer was asked and answered, under the names of the schema; lists as text."""
    if isinstance(told, ConsentWithdrawn):
        return {"all": told.all}
    return {
        "eventType": told.event_type,
        "basisForProcessing": told.basis,
        "consentVersion": told.version,
        "consentScopes": ", ".join(told.scopes or ()),
        "consentUrl": told.url,
        "domainsApplied": ", ".join(told.domains or ()),
        "gdprApplies": told.gdpr_applies,
    }
