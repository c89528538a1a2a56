"""What a careless change of the spine would be: the same name, another first step."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from definitions.episode import Answer, EpisodeStart, EpisodeView, OpenEpisode


@workflow.defn(name="EpisodeWorkflow")
class ChangedEpisodeWorkflow:
    @workflow.init
    def __init__(self, start: EpisodeStart) -> None:
        self._start = start

    @workflow.run
    async def run(self, start: EpisodeStart) -> None:
        await workflow.sleep(1)

    @workflow.update
    async def open(self, command: OpenEpisode) -> Answer:
        return Answer(episode_id=command.episode_id, version=1)

    @workflow.query
    def view(self) -> EpisodeView:
        return EpisodeView(episode_id=self._start.episode_id)
