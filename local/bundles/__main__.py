"""`python -m local.bundles --seed 2026 --count 50 --out DIR`."""

import argparse
from pathlib import Path

from local.bundles.generate import DATA, write


def main() -> None:
    parser = argparse.ArgumentParser(prog="local.bundles", description="Write synthetic referral bundles.")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--out", type=Path, default=DATA)
    said = parser.parse_args()
    print(f"{write(said.out, said.seed, said.count)} bundles in {said.out.name}/")


if __name__ == "__main__":
    main()
