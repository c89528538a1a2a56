"""Numbers for the operator, without ids."""

import pytest

from runtime.metrics import Metrics, label

ID = "7b3f5c0e-1111-4222-8333-944455556666"


def test_numbers_arrive() -> None:
    metrics = Metrics()
    metrics.answered(method="GET", route="/v1/episodes/{id}", status=200, seconds=0.02)
    metrics.activity(activity="request_transition", outcome="done", seconds=0.03)
    metrics.refused("bed_taken")
    metrics.exchanged(payer="meridian", kind="278", outcome="approved")
    metrics.outbox_waiting(3)
    metrics.deadlines_overdue(2)
    text = metrics.exposition().decode()
    assert 'stepdown_http_request_seconds_count{method="GET",route="/v1/episodes/{id}",status="200"} 1.0' in text
    assert 'stepdown_activity_seconds_count{activity="request_transition",outcome="done"} 1.0' in text
    assert 'stepdown_refusals_total{code="bed_taken"} 1.0' in text
    assert 'stepdown_exchanges_total{kind="278",outcome="approved",payer="meridian"} 1.0' in text
    assert "stepdown_outbox_waiting 3.0" in text
    assert "stepdown_deadlines_overdue 2.0" in text


@pytest.mark.parametrize(
    "value",
    [
        "7b3f5c0e-1111-4222-8333-944455556666",
        "/v1/episodes/7b3f5c0e-1111-4222-8333-944455556666",
        "Jane Doe",
        "123456789",
        "",
    ],
)
def test_ids_and_free_text_become_other(value: str) -> None:
    assert label(value) == "other"
    metrics = Metrics()
    metrics.answered(method="GET", route=value, status=404, seconds=0.1)
    assert 'route="other"' in metrics.exposition().decode()


def test_registries_are_separate() -> None:
    first, second = Metrics(), Metrics()
    first.refused("stale")
    assert "stale" not in second.exposition().decode()
