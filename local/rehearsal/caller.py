"""Speaks to the API as its users do: tokens by role, a key per command, patience with 202."""

import time
from typing import Any

import httpx2

ROLES = ("admissions", "reviewer", "director", "clinician", "biller")


class Refused(Exception):
    """The API refused; `code` is the stable type."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(f"{status} {body.get('code')}: {body.get('detail')}")
        self.status = status
        self.code = str(body.get("code"))
        self.body = body


class Caller:
    def __init__(self, url: str, prefix: str = "rehearsal") -> None:
        self._client = httpx2.Client(base_url=url, timeout=150)
        self._tokens: dict[str, str] = {}
        self._prefix = prefix
        self._count = 0

    def _headers(self, role: str) -> dict[str, str]:
        if role not in self._tokens:
            answer = self._client.post(
                "/oauth/token", data={"grant_type": "password", "username": role, "password": "local"}
            )
            answer.raise_for_status()
            self._tokens[role] = answer.json()["access_token"]
        return {"Authorization": f"Bearer {self._tokens[role]}"}

    def get(self, role: str, path: str, **params: Any) -> dict[str, Any]:
        answer = self._client.get(path, params=params, headers=self._headers(role))
        if answer.status_code >= httpx2.codes.BAD_REQUEST:
            raise Refused(answer.status_code, answer.json())
        body: dict[str, Any] = answer.json()
        return body

    def post(self, role: str, path: str, body: dict[str, Any], key: str | None = None) -> dict[str, Any]:
        """A command. A 202 that stands for work under way is looked up until it is answered."""
        self._count += 1
        said = key or f"{self._prefix}-{self._count:06d}"
        answer = self._client.post(path, json=body, headers={**self._headers(role), "Idempotency-Key": said})
        if answer.status_code >= httpx2.codes.BAD_REQUEST:
            raise Refused(answer.status_code, answer.json())
        result: dict[str, Any] = answer.json()
        if answer.status_code == httpx2.codes.ACCEPTED and "look_up" in result:
            return self._look_up(role, result["look_up"])
        return result

    def _look_up(self, role: str, path: str) -> dict[str, Any]:
        for _ in range(120):
            answer = self._client.get(path, headers=self._headers(role))
            body: dict[str, Any] = answer.json()
            if answer.status_code >= httpx2.codes.BAD_REQUEST:
                raise Refused(answer.status_code, body)
            if answer.status_code == httpx2.codes.OK:
                return body
            time.sleep(0.5)
        raise TimeoutError(f"{path} was not answered")

    def close(self) -> None:
        self._client.close()
