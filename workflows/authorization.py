"""One durable workflow per authorization case: it asks, waits, takes answers and never lets a review slip (D6)."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from definitions import policies
    from definitions.authorization import (
        AnswerArrived,
        AuthorizationCarry,
        AuthorizationStart,
        CaseChanged,
        CaseCommand,
        CaseOutcome,
        CaseView,
        FireCaseDeadlines,
        ReadCase,
        RecordDecision,
        RequestReview,
        SendRequest,
        TakeAnswer,
    )
    from definitions.contracts import AuthorizationContract, DisputeContract, ExchangeContract, SendingContract
    from definitions.deadline import Deadline
    from definitions.dispute import (
        AssignCase,
        CancelReview,
        ChooseOption,
        FileAppeal,
        RecordAgreement,
        RecordPeerToPeer,
        SubmitInformation,
    )
    from definitions.episode import Drive
    from definitions.exchange import RecordReceipt, RecordSending
    from workflows.refusals import refused
    from workflows.single_wait import SingleWait

C = TypeVar("C", bound=CaseCommand)


@workflow.defn(name="AuthorizationWorkflow")
class AuthorizationWorkflow(SingleWait):
    @workflow.init
    def __init__(self, start: AuthorizationStart) -> None:
        super().__init__(start.drive)
        self._start = start
        self._carry = start.carry
        self._now: datetime | None = start.at
        self._missing = False

    @workflow.run
    async def run(self, start: AuthorizationStart) -> None:
        await self._read()
        await self._live()

    async def _read(self) -> None:
        """The case from its rows; a run can always be started from them alone (D13)."""
        async with self._lock:
            if self._carry is not None:
                return
            record = await workflow.execute_activity_method(
                AuthorizationContract.read_case,
                ReadCase(authorization_id=self._start.authorization_id),
                **policies.RECORD_READ,
            )
            if record is None:
                self._missing = True
                return
            self._carry = AuthorizationCarry(record=record)

    def _finished(self) -> bool:
        return self._missing or (self._carry is not None and self._carry.record.finished)

    def _deadlines(self) -> tuple[Deadline, ...]:
        return self._carry.record.deadlines if self._carry else ()

    def _business_now(self) -> datetime:
        """The wall's time, or what the last message of a rehearsal carried (D7)."""
        if self._start.drive is Drive.WALL or self._now is None:
            return workflow.now()
        return self._now

    def _roused(self) -> bool:
        return self._ready_to_send()

    def _ready_to_send(self) -> bool:
        return (
            self._carry is not None
            and self._carry.record.ready_request_id is not None
            and (self._start.drive is Drive.WALL or self._now is not None)
        )

    async def _before_sleep(self) -> None:
        async with self._lock:
            await self._send_ready_locked()

    async def _send_ready_locked(self) -> None:
        while self._ready_to_send() and self._carry is not None:
            request_id = self._carry.record.ready_request_id
            if request_id is None:
                return
            before = self._carry.record
            outcome = await workflow.execute_activity_method(
                ExchangeContract.send_request,
                SendRequest(
                    key=f"send:{request_id}:{before.version}",
                    authorization_id=self._start.authorization_id,
                    request_id=request_id,
                    now=self._business_now(),
                ),
                **policies.PARTNER_SEND,
            )
            self._take(outcome)
            if self._carry.record == before:
                return

    async def _fire_come(self, come: tuple[Deadline, ...], now: datetime) -> None:
        if self._carry is None:
            return
        first = come[0]
        outcome = await workflow.execute_activity_method(
            AuthorizationContract.fire_case_deadlines,
            FireCaseDeadlines(
                key=f"fire:{self._start.authorization_id}:{self._carry.record.version}:{first.key}:{first.at.isoformat()}",
                authorization_id=self._start.authorization_id,
                now=now,
                keys=tuple(d.key for d in come),
            ),
            **policies.RECORD_WRITE,
        )
        self._take(outcome)
        await self._send_ready_locked()

    async def _before_advance(self) -> None:
        await self._read()

    async def _advanced_to(self, now: datetime) -> None:
        self._now = now
        await self._send_ready_locked()

    def _continue(self) -> None:
        if self._carry is not None:
            carry = self._carry.model_copy(update={"runs": self._carry.runs + 1})
            workflow.continue_as_new(self._start.model_copy(update={"carry": carry}))

    def _take(self, outcome: CaseOutcome) -> None:
        if outcome.record is not None:
            runs = self._carry.runs if self._carry else 1
            self._carry = AuthorizationCarry(record=outcome.record, runs=runs)

    # --- messages ---------------------------------------------------------------------------------------------

    async def _perform(self, command: C, method: Callable[[C], Awaitable[CaseOutcome]]) -> CaseOutcome:
        """A person's act: ask for the write, follow its answer (D2), send what it made ready. One at a time."""
        await self._read()
        async with self._lock:
            self._now = command.now
            outcome = await method(command)
            self._take(outcome)
            if outcome.refusal is not None:
                raise refused(outcome.refusal)
            await self._send_ready_locked()
        return outcome

    @workflow.update
    async def request_review(self, command: RequestReview) -> CaseOutcome:
        return await self._perform(
            command,
            lambda c: workflow.execute_activity_method(
                AuthorizationContract.request_review, c, **policies.RECORD_WRITE
            ),
        )

    @workflow.update
    async def record_decision(self, command: RecordDecision) -> CaseOutcome:
        return await self._perform(
            command,
            lambda c: workflow.execute_activity_method(
                AuthorizationContract.record_decision, c, **policies.RECORD_WRITE
            ),
        )

    @workflow.update
    async def record_peer_to_peer(self, command: RecordPeerToPeer) -> CaseOutcome:
        return await self._perform(
            command,
            lambda c: workflow.execute_activity_method(DisputeContract.record_peer_to_peer, c, **policies.RECORD_WRITE),
        )

    @workflow.update
    async def file_appeal(self, command: FileAppeal) -> CaseOutcome:
        return await self._perform(
            command,
            lambda c: workflow.execute_activity_method(DisputeContract.file_appeal, c, **policies.RECORD_WRITE),
        )

    @workflow.update
    async def choose_option(self, command: ChooseOption) -> CaseOutcome:
        return await self._perform(
            command,
            lambda c: workflow.execute_activity_method(DisputeContract.choose_option, c, **policies.RECORD_WRITE),
        )

    @workflow.update
    async def submit_information(self, command: SubmitInformation) -> CaseOutcome:
        return await self._perform(
            command,
            lambda c: workflow.execute_activity_method(DisputeContract.submit_information, c, **policies.RECORD_WRITE),
        )

    @workflow.update
    async def cancel_review(self, command: CancelReview) -> CaseOutcome:
        return await self._perform(
            command,
            lambda c: workflow.execute_activity_method(DisputeContract.cancel_review, c, **policies.RECORD_WRITE),
        )

    @workflow.update
    async def record_agreement(self, command: RecordAgreement) -> CaseOutcome:
        return await self._perform(
            command,
            lambda c: workflow.execute_activity_method(DisputeContract.record_agreement, c, **policies.RECORD_WRITE),
        )

    @workflow.update
    async def assign_case(self, command: AssignCase) -> CaseOutcome:
        return await self._perform(
            command,
            lambda c: workflow.execute_activity_method(DisputeContract.assign_case, c, **policies.RECORD_WRITE),
        )

    @workflow.update
    async def record_sending(self, command: RecordSending) -> CaseOutcome:
        return await self._perform(
            command,
            lambda c: workflow.execute_activity_method(SendingContract.record_sending, c, **policies.RECORD_WRITE),
        )

    @workflow.update
    async def record_receipt(self, command: RecordReceipt) -> CaseOutcome:
        return await self._perform(
            command,
            lambda c: workflow.execute_activity_method(SendingContract.record_receipt, c, **policies.RECORD_WRITE),
        )

    @workflow.signal
    async def case_changed(self, change: CaseChanged) -> None:
        async with self._lock:
            self._now = max(self._now or change.at, change.at)
            outcome = await workflow.execute_activity_method(
                AuthorizationContract.note_case_change, change, **policies.RECORD_WRITE
            )
            self._take(outcome)
            await self._send_ready_locked()

    @workflow.signal
    async def answer_arrived(self, answer: AnswerArrived) -> None:
        async with self._lock:
            self._now = max(self._now or answer.at, answer.at)
            outcome = await workflow.execute_activity_method(
                AuthorizationContract.take_answer,
                TakeAnswer(
                    key=f"{self._start.authorization_id}:{answer.key}",
                    authorization_id=answer.authorization_id,
                    message_id=answer.message_id,
                    now=answer.at,
                ),
                **policies.RECORD_WRITE,
            )
            self._take(outcome)

    @workflow.query
    def view(self) -> CaseView:
        if self._carry is None:
            return CaseView(authorization_id=self._start.authorization_id)
        record = self._carry.record
        return CaseView(
            authorization_id=record.authorization_id,
            status=record.status,
            version=record.version,
            next_deadlines=record.deadlines,
        )
