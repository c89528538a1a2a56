"""`python -m local.secret_scan`: looks through every file git knows for what must not be in a repository.

It knows the shapes of keys and tokens, and names that say a long text beside them is a secret. A finding names file and
line, never the text."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
SHAPES: Final[dict[str, re.Pattern[bytes]]] = {
    "a private key": re.compile(rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"),
    "a cloud access key": re.compile(rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a signed token": re.compile(rb"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}"),
    "a forge's token": re.compile(rb"\b(?:ghp|gho|ghs|github_pat|glpat|xox[abp]|sk_live|pypi)[-_][\w-]{20,}"),
    "a password in an address": re.compile(rb"\b[a-z+]{3,20}://[^\s:/@\"'{}$<>]{1,40}:[^\s:/@\"'{}$<>]{12,}@"),
    "a named secret": re.compile(
        rb"(?i)\b[\w-]*(?:secret|password|api_?key|token_key|keyring|private_key)[\w-]*[\"']?\s*[=:]\s*"
        rb"[\"']?(?:\w+:)?(?=[\w+/=-]*\d)(?=[\w+/=-]*[a-z])[\w+/=-]{32,}[\"']?\s*$",
        re.MULTILINE,
    ),
}
LARGEST: Final = 2_000_000


def findings(name: str, content: bytes) -> Iterator[str]:
    for what, shape in SHAPES.items():
        for found in shape.finditer(content):
            line = content.count(b"\n", 0, found.start()) + 1
            yield f"{name}:{line}: looks like {what}"


def scan(root: Path) -> list[str]:
    """Every file git knows, binary ones and very large ones aside. Raises CalledProcessError outside of a repository."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True).stdout
    found: list[str] = []
    for name in filter(None, listed.decode().split("\0")):
        file = root / name
        if not file.is_file() or file.stat().st_size > LARGEST:
            continue
        content = file.read_bytes()
        if b"\0" not in content[:8000]:
            found += findings(name, content)
    return found


def main() -> int:
    found = scan(ROOT)
    for line in found:
        print(line)
    if found:
        print("take it out and change the secret: it is known to everybody who has a copy of the repository")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
