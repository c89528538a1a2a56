"""docker-compose.yml in the production shape: parsed and judged here, since it cannot run everywhere."""

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ruamel.yaml import YAML

from api.policy import POLICY
from api.routes import codec
from definitions.vocabulary import Role
from local.stack.postgres import EmbeddedPostgres, program
from runtime.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
OURS = ("namespace", "migrate", "seal-words", "worker", "api")
ONE_SHOT = ("roles", "temporal-schema", "namespace", "migrate", "seal-words")
LASTING = ("postgres", "temporal", "worker", "api", "temporal-ui")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text())
    return loaded


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [t for v in value.values() for t in texts(v)]
    if isinstance(value, list):
        return [t for v in value for t in texts(v)]
    return [str(value)]


def conditions(service: dict[str, Any]) -> dict[str, str]:
    return {name: wait["condition"] for name, wait in service.get("depends_on", {}).items()}


def test_the_services_are_the_production_shape(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {*ONE_SHOT, *LASTING}


def test_everybody_waits_for_what_they_need(compose: dict[str, Any]) -> None:
    services = compose["services"]
    done, healthy = "service_completed_successfully", "service_healthy"
    assert conditions(services["roles"]) == {"postgres": healthy}
    assert conditions(services["temporal-schema"]) == {"roles": done}
    assert conditions(services["temporal"]) == {"temporal-schema": done}
    assert conditions(services["namespace"]) == {"temporal": healthy}
    assert conditions(services["migrate"]) == {"roles": done}
    assert conditions(services["seal-words"]) == {"migrate": done}
    assert conditions(services["worker"]) == conditions(services["api"]) == {"migrate": done, "namespace": done}


def test_waiting_ends(compose: dict[str, Any]) -> None:
    """Only one-shot services are waited for to the end, only those with a health check to be healthy; no circle."""
    services = compose["services"]
    for service in services.values():
        for name, condition in conditions(service).items():
            assert (name in ONE_SHOT) == (condition == "service_completed_successfully")
            assert condition != "service_healthy" or "healthcheck" in services[name]
    order: list[str] = []
    while len(order) < len(services):
        ready = [n for n, s in services.items() if n not in order and set(conditions(s)) <= set(order)]
        assert ready, f"a circle among {set(services) - set(order)}"
        order += ready


def test_what_lasts_restarts_and_what_is_one_shot_does_not_for_ever(compose: dict[str, Any]) -> None:
    for name in LASTING:
        assert compose["services"][name]["restart"] == "unless-stopped"
    for name in ONE_SHOT:
        assert compose["services"][name].get("restart", "no") in ("no", "on-failure:10")


@pytest.mark.parametrize("name", OURS)
def test_our_commands_are_modules_that_exist(compose: dict[str, Any], name: str) -> None:
    python, flag, module, *_ = compose["services"][name]["command"]
    assert (python, flag) == ("python", "-m")
    spec = find_spec(module)
    assert spec is not None, f"{module} is not there"
    if spec.submodule_search_locations is not None:
        assert find_spec(f"{module}.__main__") is not None, f"{module} cannot be run"


@pytest.mark.parametrize("name", OURS)
def test_our_containers_have_no_rights_to_lose(compose: dict[str, Any], name: str) -> None:
    service = compose["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert service["env_file"][0]["required"] is True
    assert service["environment"]["STEPDOWN_ENVIRONMENT"] == "production"


def test_our_environment_names_settings_that_exist(compose: dict[str, Any]) -> None:
    known = {f"STEPDOWN_{name.upper()}" for name in Settings.model_fields}
    for name in OURS:
        assert set(compose["services"][name]["environment"]) <= known


def test_every_password_must_be_given(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for key, value in service.get("environment", {}).items():
            if re.search("PASSWORD|PWD", key):
                assert re.fullmatch(r"\$\{[A-Z_]+:\?.+\}", str(value)), f"{key} has a value of its own"
    for text in texts(compose):
        assert not re.search(r"\$\{[A-Z_]*(PASSWORD|KEY|SECRET)[A-Z_]*:?-", text), f"a default secret in {text!r}"
    as_worker = {
        "STEPDOWN_WORKER_DATABASE_URL": "postgresql+psycopg://stepdown_worker:"
        "${STEPDOWN_WORKER_DB_PASSWORD:?set it in stepdown.env}"
    }
    addresses = {
        name: {k: v.split("@")[0] for k, v in compose["services"][name]["environment"].items() if "DATABASE_URL" in k}
        for name in OURS
    }
    assert addresses == {
        "namespace": {},
        "migrate": {
            "STEPDOWN_DATABASE_URL": "postgresql+psycopg://stepdown:${STEPDOWN_DB_PASSWORD:?set it in stepdown.env}"
        },
        "seal-words": as_worker,
        "worker": as_worker,
        "api": {
            "STEPDOWN_API_DATABASE_URL": "postgresql+psycopg://stepdown_api:"
            "${STEPDOWN_API_DB_PASSWORD:?set it in stepdown.env}"
        },
    }


def test_only_the_api_and_temporals_pages_are_reachable_and_only_from_this_machine(compose: dict[str, Any]) -> None:
    published = {name: s["ports"] for name, s in compose["services"].items() if "ports" in s}
    assert published == {
        "api": ["127.0.0.1:${STEPDOWN_PORT:-8700}:8700"],
        "temporal-ui": ["127.0.0.1:${TEMPORAL_UI_PUBLISHED_PORT:-8080}:8080"],
    }
    assert not [name for name, s in compose["services"].items() if s.get("network_mode") or s.get("privileged")]


def test_temporals_pages_open_payloads_through_the_api_with_the_users_own_token(compose: dict[str, Any]) -> None:
    pages = compose["services"]["temporal-ui"]
    said = pages["environment"]
    address, path = said["TEMPORAL_CODEC_ENDPOINT"].split("}")
    assert address == "${STEPDOWN_PUBLIC_URL:?set it in stepdown.env", "the same address as the API's own"
    door = f"POST {path}/decode"
    assert POLICY[door] == frozenset({Role.ADMIN, Role.AUDITOR})
    assert door.removeprefix("POST ") in {getattr(route, "path", None) for route in codec.router.routes}
    assert said["TEMPORAL_CODEC_PASS_ACCESS_TOKEN"] == "true"
    assert said["TEMPORAL_CODEC_INCLUDE_CREDENTIALS"] == "false", "the API's own cookie is never sent from there"
    origin = re.findall(r"\$\{(STEPDOWN_\w+):-", said["TEMPORAL_AUTH_CALLBACK_URL"] + said["TEMPORAL_CORS_ORIGINS"])
    assert set(origin) == {"STEPDOWN_TEMPORAL_UI_ORIGIN"}, "the origin the API answers to is the one the pages have"
    assert "temporal_ui_origin" in Settings.model_fields


def test_nobody_sees_temporals_pages_without_signing_in_and_nothing_is_changed_there(compose: dict[str, Any]) -> None:
    services = compose["services"]
    pages, said = services["temporal-ui"], services["temporal-ui"]["environment"]
    assert (said["TEMPORAL_AUTH_ENABLED"], said["TEMPORAL_AUTH_TYPE"]) == ("true", "oidc")
    assert said["TEMPORAL_DISABLE_WRITE_ACTIONS"] == "true"
    assert pages["profiles"] == ["temporal-ui"], "started by who asks for it"
    assert pages["env_file"][0]["required"] is True, "the client's secret stands in a file of its own"
    assert not [name for name in said if "SECRET" in name]
    assert conditions(pages) == {"temporal": "service_healthy"}
    assert said["TEMPORAL_ADDRESS"] == services["worker"]["environment"]["STEPDOWN_TEMPORAL_ADDRESS"]
    assert said["TEMPORAL_DEFAULT_NAMESPACE"] == services["worker"]["environment"]["STEPDOWN_TEMPORAL_NAMESPACE"]
    assert pages["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in pages["security_opt"]


def test_images_name_their_version(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        if name not in OURS:
            assert re.search(r":(\d|\$\{[A-Z_]+:-\d)", service["image"]), f"{name} floats"


def test_data_lives_in_a_named_volume(compose: dict[str, Any]) -> None:
    assert compose["services"]["postgres"]["volumes"] == ["postgres:/var/lib/postgresql/data"]
    assert "postgres" in compose["volumes"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    made = EmbeddedPostgres(tmp_path / "postgres", options={"fsync": "off"})
    made.start()
    yield made
    made.stop()


def test_the_roles_script_works_twice_and_changes_a_password(compose: dict[str, Any], server: EmbeddedPostgres) -> None:
    shell, flag, script = compose["services"]["roles"]["command"]
    secrets: list[str | None] = []
    for password in ("first", "it's second"):
        done = subprocess.run(
            [shell, flag, script.replace("$$", "$")],
            env={
                "PATH": f"{program('psql').parent}:/usr/bin:/bin",
                "PGHOST": str(server.sockets), "PGUSER": "postgres",
                "STEPDOWN_DB_PASSWORD": password, "TEMPORAL_DB_PASSWORD": "other", "STEPDOWN_API_DB_PASSWORD": "a",
                "STEPDOWN_WORKER_DB_PASSWORD": "w",
            },
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        with psycopg.connect(server.dsn()) as connection:
            row = connection.execute("SELECT rolpassword FROM pg_authid WHERE rolname = 'stepdown'").fetchone()
            assert row is not None
            secrets.append(row[0])
    assert secrets[0] != secrets[1]
    with psycopg.connect(server.dsn()) as connection:
        owners = connection.execute(
            "SELECT datname, pg_get_userbyid(datdba) FROM pg_database"
            " WHERE datname NOT LIKE 'template%' AND datname <> 'postgres' ORDER BY 1"
        ).fetchall()
        assert owners == [("stepdown", "stepdown"), ("temporal", "temporal"), ("temporal_visibility", "temporal")]
        rights = connection.execute(
            "SELECT rolsuper, rolcreaterole FROM pg_roles"
            " WHERE rolname IN ('stepdown', 'stepdown_api', 'stepdown_worker', 'temporal')"
        )
        assert rights.fetchall() == [(False, False)] * 4
        across = connection.execute("SELECT has_database_privilege('stepdown', 'temporal', 'CONNECT')")
        assert across.fetchone() == (False,)


def test_migrations_run_as_the_unprivileged_owner(compose: dict[str, Any], server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as connection:
        connection.execute("CREATE ROLE stepdown LOGIN; CREATE ROLE stepdown_api; CREATE ROLE stepdown_worker")
        connection.execute("CREATE DATABASE stepdown OWNER stepdown")
    command = compose["services"]["migrate"]["command"]
    done = subprocess.run(
        [sys.executable, *command[1:]],
        cwd=ROOT, env={"STEPDOWN_DATABASE_URL": server.url().replace("postgres@", "stepdown@")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
