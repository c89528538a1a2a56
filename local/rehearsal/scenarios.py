"""The scenarios of a rehearsal. Each is one person's story; several run side by side on one clock."""

from collections.abc import Awaitable, Callable
from datetime import time, timedelta
from typing import Any

from local.rehearsal.stage import Stage

Scenario = Callable[[Stage, dict[str, Any]], Awaitable[None]]


async def full_continuum(stage: Stage, bundle: dict[str, Any]) -> None:
    """Intake, detox, residential, PHP, IOP, outpatient, closed."""
    _admit(stage, bundle, "3.7-WM")
    await stage.wait(days=4)
    for level, days in (("3.5", 9), ("2.5", 8), ("2.1", 9), ("1.5", 4)):
        stage.sign_presented()
        stage.rate(level)
        stage.move(level)
        await stage.wait(days=days)
    stage.end("completed", "goals met")
    await stage.wait(days=2)


async def step_up_iop_to_detox(stage: Stage, bundle: dict[str, Any]) -> None:
    """From IOP straight into a detox bed at night, on the clinician's word."""
    _admit(stage, bundle, "2.1")
    await stage.wait(days=5)
    await stage.until(time(22, 40))
    stage.assess("CIWA_AR", nausea=4, tremor=4, sweats=4, anxiety=4, agitation=3, tactile=1, auditory=1, visual=1,
                 headache=2, orientation=0)  # fmt: skip
    stage.rate("3.7-WM")
    stage.move("3.7-WM", urgent=True)
    await stage.wait(days=3)
    stage.clear_alerts()
    stage.end("transfer_sud", "continues elsewhere")


async def ama_0200(stage: Stage, bundle: dict[str, Any]) -> None:
    """Leaves against advice at two in the morning: yesterday is billed, tonight is not (E50)."""
    _admit(stage, bundle, "3.7-WM")
    await stage.wait(days=2)
    await stage.until(time(2, 0), days=1)
    stage.end("against_advice", "left, form refused")
    await stage.wait(days=1)


async def denial_lower_level(stage: Stage, bundle: dict[str, Any]) -> None:
    """Residential is denied as not appropriate; the team steps down to PHP (AUTH-07)."""
    _admit(stage, bundle, "3.5")
    await stage.wait(days=1)
    stage.rate("2.5")
    stage.move("2.5")
    await stage.wait(days=6)
    stage.end("financial", "authorization denied")


async def leave_weekend(stage: Stage, bundle: dict[str, Any]) -> None:
    """Away over a weekend; the two nights are not covered days (V5)."""
    _admit(stage, bundle, "3.5")
    await stage.wait(days=3)
    await stage.until(time(15, 0))
    stage.leave(stage.driver.now + timedelta(days=1, hours=21))
    await stage.wait(days=1, hours=21)
    stage.come_back()
    await stage.wait(days=3)
    stage.rate("2.1")
    stage.move("2.1")
    await stage.wait(days=5)
    stage.end("completed", "goals met")


async def future_transfer(stage: Stage, bundle: dict[str, Any]) -> None:
    """Approved today for three days ahead; it fires by itself."""
    _admit(stage, bundle, "3.5")
    await stage.wait(days=2)
    stage.rate("2.5")
    await stage.until(time(9, 0))
    status = stage.move("2.5", at=stage.driver.now + timedelta(hours=20))
    if status != "scheduled":
        raise RuntimeError(f"a future transfer should be scheduled, not {status}")
    await stage.driver.settle()
    ahead = stage.page()["authorized_level"]
    if ahead != "3.5":
        raise RuntimeError(f"a case opened ahead speaks too early: authorized {ahead} while still at 3.5")
    await stage.wait(days=3)
    page = stage.page()
    if (page["level"], page["authorized_level"]) != ("2.5", "2.5"):
        raise RuntimeError(f"the future transfer did not fire whole: {page['level']}, {page['authorized_level']}")
    await stage.wait(days=4)
    stage.end("completed", "goals met")


async def downtime_two_midnights(stage: Stage, bundle: dict[str, Any]) -> None:
    """Nobody closes for two nights; the next close closes all of them."""
    _admit(stage, bundle, "3.5")
    await stage.wait(days=2)
    stage.driver.closes = False
    stage.say("downtime: two midnights pass without a close")
    await stage.wait(days=2)
    stage.driver.closes = True
    await stage.wait(days=3)
    stage.end("completed", "goals met")


async def plain(stage: Stage, bundle: dict[str, Any]) -> None:
    """Admitted at the level asked for, a week there, then closed."""
    asked = next(
        e["resource"]["code"]["coding"][0]["code"]
        for e in bundle["entry"]
        if e["resource"]["resourceType"] == "ServiceRequest"
    )
    _admit(stage, bundle, asked)
    await stage.wait(days=7)
    stage.end("completed", "goals met")


def _admit(stage: Stage, bundle: dict[str, Any], level: str) -> None:
    stage.refer(bundle)
    stage.intake(level)
    stage.move(level)
    stage.sign_presented()


SCENARIOS: dict[str, Scenario] = {
    "full_continuum": full_continuum,
    "step_up_iop_to_detox": step_up_iop_to_detox,
    "ama_0200": ama_0200,
    "denial_lower_level": denial_lower_level,
    "leave_weekend": leave_weekend,
    "future_transfer": future_transfer,
    "downtime_two_midnights": downtime_two_midnights,
    "plain": plain,
}
