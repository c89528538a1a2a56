"""One durable workflow per episode: it remembers, for months, who waits for what until when.

Commands arrive as updates, charted facts as signals, time as one timer (or as `advance` in the driven drive).
Every decision is an activity on the episode's rows; the carry follows what the rows answer (D2, D6)."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from definitions import policies
    from definitions.contracts import (
        ConsentContract,
        CoverageContract,
        EpisodeContract,
        MovementContract,
        TransitionContract,
    )
    from definitions.deadline import Deadline
    from definitions.episode import (
        Answer,
        ChangeCoverage,
        Command,
        CorrectMovement,
        DecideTransition,
        DischargeEpisode,
        EndAuthority,
        EndConsent,
        EpisodeCarry,
        EpisodeOutcome,
        EpisodeStart,
        EpisodeView,
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
    from definitions.errors import ErrorType, Refusal
    from definitions.vocabulary import Phase
    from workflows.refusals import refused
    from workflows.single_wait import SingleWait

C = TypeVar("C", bound=Command)

ORPHAN_AFTER = timedelta(minutes=2)
"""A run that no first command ever opened closes itself after this."""


@workflow.defn(name="EpisodeWorkflow")
class EpisodeWorkflow(SingleWait):
    @workflow.init
    def __init__(self, start: EpisodeStart) -> None:
        super().__init__(start.drive)
        self._start = start
        self._carry: EpisodeCarry | None = start.carry
        self._refused = False

    @workflow.run
    async def run(self, start: EpisodeStart) -> None:
        if self._carry is None and start.rehydrate:
            await self._rehydrate()
        if self._carry is None:
            await self._wait_for_opening()
        await self._live()

    # --- the single wait -------------------------------------------------------------------------------------

    def _deadlines(self) -> tuple[Deadline, ...]:
        return self._carry.record.deadlines if self._carry else ()

    def _finished(self) -> bool:
        """Ended episodes live on while something is still owed (domain 8: follow-up, watch)."""
        if self._carry is None:
            return self._refused
        ended = self._carry.record.phase in (Phase.CLOSED, Phase.NOT_ADMITTED)
        return ended and not self._carry.record.deadlines

    def _level_changed(self) -> bool:
        return self._carry is not None and self._carry.record.level != self._carry.run_level

    def _roused(self) -> bool:
        return self._level_changed()

    def _outgrown(self) -> bool:
        """A run ends at each level change (architecture 2)."""
        return self._level_changed()

    def _continue(self) -> None:
        if self._carry is None:
            return
        carry = self._carry.model_copy(update={"runs": self._carry.runs + 1, "run_level": self._carry.record.level})
        workflow.continue_as_new(self._start.model_copy(update={"carry": carry, "rehydrate": False}))

    async def _wait_for_opening(self) -> None:
        """A first command may take as long as the database is away; a run nobody opens closes itself."""
        while self._carry is None and not self._refused:
            try:
                await workflow.wait_condition(lambda: self._carry is not None or self._refused, timeout=ORPHAN_AFTER)
            except TimeoutError:
                self._refused = workflow.all_handlers_finished()

    async def _rehydrate(self) -> None:
        """From the rows alone: a lost Temporal file, a restored backup, people already in beds (D13)."""
        async with self._lock:
            if self._carry is not None:
                return
            record = await workflow.execute_activity_method(
                EpisodeContract.read_episode,
                ReadEpisode(episode_id=self._start.episode_id),
                **policies.RECORD_READ,
            )
            if record is None:
                self._refused = True
                return
            self._carry = EpisodeCarry(record=record, run_level=record.level)

    async def _fire_come(self, come: tuple[Deadline, ...], now: datetime) -> None:
        if self._carry is None:
            return
        outcome = await workflow.execute_activity_method(
            EpisodeContract.fire_deadlines,
            FireDeadlines(
                key=f"{self._start.episode_id}:fire:{self._carry.fired}",
                episode_id=self._start.episode_id,
                now=now,
                keys=tuple(d.key for d in come),
            ),
            **policies.RECORD_WRITE,
        )
        self._take(outcome)
        self._carry = self._carry.model_copy(update={"fired": self._carry.fired + 1})

    # --- commands --------------------------------------------------------------------------------------------

    async def _perform(self, command: C, method: Callable[[C], Awaitable[EpisodeOutcome]]) -> Answer:
        """Ask for the write, then follow its answer (D2). One command at a time."""
        if self._carry is None and self._start.rehydrate:
            await self._rehydrate()
        async with self._lock:
            outcome = await method(command)
            self._take(outcome)
        if outcome.refusal is not None:
            raise refused(outcome.refusal)
        if outcome.answer is None:
            raise ApplicationError("a command was neither answered nor refused", non_retryable=True)
        return outcome.answer

    def _take(self, outcome: EpisodeOutcome) -> None:
        if outcome.record is None:
            return
        if self._carry is None:
            self._carry = EpisodeCarry(record=outcome.record, run_level=outcome.record.level)
        else:
            self._carry = self._carry.with_record(outcome.record)

    @workflow.update
    async def open(self, command: OpenEpisode) -> Answer:
        try:
            return await self._perform(
                command,
                lambda c: workflow.execute_activity_method(EpisodeContract.open_episode, c, **policies.RECORD_WRITE),
            )
        except ApplicationError:
            self._refused = self._carry is None
            raise

    @workflow.update
    async def request_transition(self, command: RequestTransition) -> Answer:
        return await self._perform(
            command,
            lambda c: workflow.execute_activity_method(
                TransitionContract.request_transition, c, **policies.RECORD_WRITE
            ),
        )

    @request_transition.validator
    def _may_request(self, command: RequestTransition) -> None:
        self._must_be_open()

    @workflow.update
    async def sign_off_transition(self, command: SignOffTransition) -> Answer:
        return await self._perform(
            command,
            lambda c: workflow.execute_activity_method(
                TransitionContract.sign_off_transition, c, **policies.RECORD_WRITE
            ),
        )

    @sign_off_transition.validator
    def _may_sign_off(self, command: SignOffTransition) -> None:
        self._must_be_open()

    @workflow.update
    async def decide_transition(self, command: DecideTransition) -> Answer:
        return await self._perform(
            command,
            lambda c: workflow.execute_activity_method(
                TransitionContract.decide_transition, c, **policies.RECORD_WRITE
            ),
        )

    @workflow.update
    async def withdraw_transition(self, command: WithdrawTransition) -> Answer:
        return await self._perform(
            command,
            lambda c: workflow.execute_activity_method(
                TransitionContract.withdraw_transition, c, **policies.RECORD_WRITE
            ),
        )

    @workflow.update
    async def start_leave(self, command: StartLeave) -> Answer:
        return await self._perform(
            command,
            lambda c: workflow.execute_activity_method(MovementContract.start_leave, c, **policies.RECORD_WRITE),
        )

    @start_leave.validator
    def _may_leave(self, command: StartLeave) -> None:
        self._must_be_admitted()

    @workflow.update
    async def return_from_leave(self, command: ReturnFromLeave) -> Answer:
        return await self._perform(
            command,
            lambda c: workflow.execute_activity_method(MovementContract.return_from_leave, c, **policies.RECORD_WRITE),
        )

    @workflow.update
    async def move_bed(self, command: MoveBed) -> Answer:
        return await self._perform(
            command,
            lambda c: workflow.execute_activity_method(MovementContract.move_bed, c, **policies.RECORD_WRITE),
        )

    @move_bed.validator
    def _may_move_bed(self, command: MoveBed) -> None:
        self._must_be_admitted()

    @workflow.update
    async def discharge(self, command: DischargeEpisode) -> Answer:
        return await self._perform(
            command,
            lambda c: workflow.execute_activity_method(MovementContract.discharge_episode, c, **policies.RECORD_WRITE),
        )

    @workflow.update
    async def correct_movement(self, command: CorrectMovement) -> Answer:
        return await self._perform(
            command,
            lambda c: workflow.execute_activity_method(MovementContract.correct_movement, c, **policies.RECORD_WRITE),
        )

    @workflow.update
    async def sign_consent(self, command: SignConsent) -> Answer:
        return await self._perform(
            command,
            lambda c: workflow.execute_activity_method(ConsentContract.sign_consent, c, **policies.RECORD_WRITE),
        )

    @workflow.update
    async def revoke_consent(self, command: RevokeConsent) -> Answer:
        return await self._perform(
            command,
            lambda c: workflow.execute_activity_method(ConsentContract.revoke_consent, c, **policies.RECORD_WRITE),
        )

    @workflow.update
    async def end_consent(self, command: EndConsent) -> Answer:
        return await self._perform(
            command,
            lambda c: workflow.execute_activity_method(ConsentContract.end_consent, c, **policies.RECORD_WRITE),
        )

    @workflow.update
    async def end_authority(self, command: EndAuthority) -> Answer:
        return await self._perform(
            command,
            lambda c: workflow.execute_activity_method(ConsentContract.end_authority, c, **policies.RECORD_WRITE),
        )

    @workflow.update
    async def change_coverage(self, command: ChangeCoverage) -> Answer:
        """Also after the end: payers take back and grant looking back (E39, E40); the rows decide."""
        return await self._perform(
            command,
            lambda c: workflow.execute_activity_method(CoverageContract.change_coverage, c, **policies.RECORD_WRITE),
        )

    @workflow.update
    async def resolve_item(self, command: ResolveItem) -> Answer:
        return await self._perform(
            command,
            lambda c: workflow.execute_activity_method(EpisodeContract.resolve_item, c, **policies.RECORD_WRITE),
        )

    def _must_be_open(self) -> None:
        """Validators judge by what the carry holds; everything else is decided with the rows."""
        if self._carry is not None and self._carry.record.phase in (Phase.CLOSED, Phase.NOT_ADMITTED):
            raise refused(
                Refusal(
                    code=ErrorType.EPISODE_CLOSED,
                    detail="the episode has ended; start a new one for a readmission",
                )
            )

    def _must_be_admitted(self) -> None:
        self._must_be_open()
        if self._carry is not None and self._carry.record.phase is Phase.INTAKE:
            raise refused(Refusal(code=ErrorType.NOT_ADMITTED, detail="nobody is admitted yet; admit first"))

    # --- facts and views -------------------------------------------------------------------------------------

    @workflow.signal
    async def fact_recorded(self, fact: FactRecorded) -> None:
        """A fact was charted; its rows stand already, the clock looks again (D1)."""
        if self._carry is None and self._start.rehydrate:
            await self._rehydrate()
        async with self._lock:
            outcome = await workflow.execute_activity_method(EpisodeContract.note_fact, fact, **policies.RECORD_WRITE)
            self._take(outcome)

    @workflow.query
    def view(self) -> EpisodeView:
        if self._carry is None:
            return EpisodeView(episode_id=self._start.episode_id)
        record = self._carry.record
        return EpisodeView(
            episode_id=record.episode_id,
            phase=record.phase,
            level=record.level,
            version=record.version,
            runs=self._carry.runs,
            next_deadlines=record.deadlines,
        )
