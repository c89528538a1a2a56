"""Signing, refusing and revoking consents (domain 3.4)."""

from collections.abc import Sequence

from temporalio import activity

from activities.authority import end_authority
from activities.case_record import CaseHands
from activities.consent_ends import end_by_condition
from activities.hand_holding import HandSender
from activities.hands import EpisodeHands, Writing
from activities.holding import AuthorizationSender
from activities.partners.sender import Sender
from activities.revocation import revoke
from activities.signing import revoking_problem, sign
from definitions.contracts import ConsentContract
from definitions.episode import Answer, EndAuthority, EndConsent, EpisodeOutcome, RevokeConsent, SignConsent
from definitions.errors import Refusal
from runtime.keyring import Keyring


class ConsentActivities(ConsentContract):
    def __init__(
        self, hands: EpisodeHands, senders: Sequence[Sender] | None = None, keyring: Keyring | None = None
    ) -> None:
        """`senders`: everything that sends, asked to hold and stop when a consent is taken back. `keyring` opens the birth
        date and the name; without one (people who were in care when the house went live) everybody is of age."""
        self._hands = hands
        self._keyring = keyring
        self._senders = senders or (AuthorizationSender(CaseHands(hands.database, hands.catalog)), HandSender())

    @activity.defn
    async def sign_consent(self, request: SignConsent) -> EpisodeOutcome:
        catalog = self._hands.catalog
        return await self._hands.decide(request, "sign_consent", lambda w: sign(w, request, catalog, self._keyring))

    @activity.defn
    async def revoke_consent(self, request: RevokeConsent) -> EpisodeOutcome:
        return await self._hands.decide(request, "revoke_consent", lambda w: self._revoke(w, request))

    @activity.defn
    async def end_consent(self, request: EndConsent) -> EpisodeOutcome:
        return await self._hands.decide(request, "end_consent", lambda w: end_by_condition(w, request))

    @activity.defn
    async def end_authority(self, request: EndAuthority) -> EpisodeOutcome:
        catalog = self._hands.catalog
        return await self._hands.decide(
            request, "end_authority", lambda w: end_authority(w, request, catalog, self._keyring)
        )

    async def _revoke(self, writing: Writing, request: RevokeConsent) -> Answer | Refusal:
        problem = await revoking_problem(writing, request.revoked_by, request.guardian_id, request.received_at)
        return problem or await revoke(writing, request, self._senders)
