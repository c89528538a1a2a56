"""Activities as the spine names them: signatures only; bodies never run (architecture 4).

Implementations in `activities/` override every method with the same decorator; the registry refuses to
start a worker whose contract is not met."""

from temporalio import activity

from definitions.authorization import (
    AuthorizationRecord,
    CaseChanged,
    CaseOutcome,
    FireCaseDeadlines,
    ReadCase,
    RecordDecision,
    RequestReview,
    SendRequest,
    TakeAnswer,
)
from definitions.dispute import (
    AssignCase,
    CancelReview,
    ChooseOption,
    FileAppeal,
    RecordAgreement,
    RecordPeerToPeer,
    SubmitInformation,
)
from definitions.episode import (
    ChangeCoverage,
    CorrectMovement,
    DecideTransition,
    DischargeEpisode,
    EndAuthority,
    EndConsent,
    EpisodeOutcome,
    EpisodeRecord,
    FactRecorded,
    FireDeadlines,
    MoveBed,
    OpenEpisode,
    ReadEpisode,
    RequestTransition,
    ResolveItem,
    ReturnFromLeave,
    RevokeConsent,
    SignConsent,
    SignOffTransition,
    StartLeave,
    WithdrawTransition,
)
from definitions.exchange import RecordReceipt, RecordSending
from definitions.midnight import CloseDate, DateClosed, DatesToClose, DatesWanted


class EpisodeContract:
    """Records what an episode decides; every write is one transaction and safe to repeat (D2, D9)."""

    @activity.defn
    async def read_episode(self, request: ReadEpisode) -> EpisodeRecord | None:
        raise NotImplementedError

    @activity.defn
    async def open_episode(self, request: OpenEpisode) -> EpisodeOutcome:
        raise NotImplementedError

    @activity.defn
    async def fire_deadlines(self, request: FireDeadlines) -> EpisodeOutcome:
        raise NotImplementedError

    @activity.defn
    async def note_fact(self, request: FactRecorded) -> EpisodeOutcome:
        raise NotImplementedError

    @activity.defn
    async def resolve_item(self, request: ResolveItem) -> EpisodeOutcome:
        raise NotImplementedError


class TransitionContract:
    @activity.defn
    async def request_transition(self, request: RequestTransition) -> EpisodeOutcome:
        raise NotImplementedError

    @activity.defn
    async def sign_off_transition(self, request: SignOffTransition) -> EpisodeOutcome:
        raise NotImplementedError

    @activity.defn
    async def decide_transition(self, request: DecideTransition) -> EpisodeOutcome:
        raise NotImplementedError

    @activity.defn
    async def withdraw_transition(self, request: WithdrawTransition) -> EpisodeOutcome:
        raise NotImplementedError


class MovementContract:
    @activity.defn
    async def start_leave(self, request: StartLeave) -> EpisodeOutcome:
        raise NotImplementedError

    @activity.defn
    async def return_from_leave(self, request: ReturnFromLeave) -> EpisodeOutcome:
        raise NotImplementedError

    @activity.defn
    async def move_bed(self, request: MoveBed) -> EpisodeOutcome:
        raise NotImplementedError

    @activity.defn
    async def discharge_episode(self, request: DischargeEpisode) -> EpisodeOutcome:
        raise NotImplementedError

    @activity.defn
    async def correct_movement(self, request: CorrectMovement) -> EpisodeOutcome:
        raise NotImplementedError


class ConsentContract:
    @activity.defn
    async def sign_consent(self, request: SignConsent) -> EpisodeOutcome:
        raise NotImplementedError

    @activity.defn
    async def revoke_consent(self, request: RevokeConsent) -> EpisodeOutcome:
        raise NotImplementedError

    @activity.defn
    async def end_consent(self, request: EndConsent) -> EpisodeOutcome:
        raise NotImplementedError

    @activity.defn
    async def end_authority(self, request: EndAuthority) -> EpisodeOutcome:
        raise NotImplementedError


class CoverageContract:
    @activity.defn
    async def change_coverage(self, request: ChangeCoverage) -> EpisodeOutcome:
        raise NotImplementedError


class AuthorizationContract:
    @activity.defn
    async def read_case(self, request: ReadCase) -> AuthorizationRecord | None:
        raise NotImplementedError

    @activity.defn
    async def request_review(self, request: RequestReview) -> CaseOutcome:
        raise NotImplementedError

    @activity.defn
    async def record_decision(self, request: RecordDecision) -> CaseOutcome:
        raise NotImplementedError

    @activity.defn
    async def take_answer(self, request: TakeAnswer) -> CaseOutcome:
        raise NotImplementedError

    @activity.defn
    async def note_case_change(self, request: CaseChanged) -> CaseOutcome:
        raise NotImplementedError

    @activity.defn
    async def fire_case_deadlines(self, request: FireCaseDeadlines) -> CaseOutcome:
        raise NotImplementedError


class DisputeContract:
    """What people do about an adverse answer; each one transaction, safe to repeat (D2)."""

    @activity.defn
    async def record_peer_to_peer(self, request: RecordPeerToPeer) -> CaseOutcome:
        raise NotImplementedError

    @activity.defn
    async def file_appeal(self, request: FileAppeal) -> CaseOutcome:
        raise NotImplementedError

    @activity.defn
    async def choose_option(self, request: ChooseOption) -> CaseOutcome:
        raise NotImplementedError

    @activity.defn
    async def submit_information(self, request: SubmitInformation) -> CaseOutcome:
        raise NotImplementedError

    @activity.defn
    async def cancel_review(self, request: CancelReview) -> CaseOutcome:
        raise NotImplementedError

    @activity.defn
    async def record_agreement(self, request: RecordAgreement) -> CaseOutcome:
        raise NotImplementedError

    @activity.defn
    async def assign_case(self, request: AssignCase) -> CaseOutcome:
        raise NotImplementedError


class SendingContract:
    """What people sent or heard by hand; records, on the care queue."""

    @activity.defn
    async def record_sending(self, request: RecordSending) -> CaseOutcome:
        raise NotImplementedError

    @activity.defn
    async def record_receipt(self, request: RecordReceipt) -> CaseOutcome:
        raise NotImplementedError


class ExchangeContract:
    """Runs on the `exchange` queue: the only activities that speak to partners."""

    @activity.defn
    async def send_request(self, request: SendRequest) -> CaseOutcome:
        raise NotImplementedError


class MidnightContract:
    @activity.defn
    async def dates_to_close(self, request: DatesWanted) -> DatesToClose:
        raise NotImplementedError

    @activity.defn
    async def close_date(self, request: CloseDate) -> DateClosed:
        raise NotImplementedError
