"""All benchmarks that have their data: `python -m benchmarks [--shared FOLDER]`; each prints a table."""

import argparse
import subprocess
import sys
from pathlib import Path


def main() -> int:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--shared", type=Path, help="the measuring sets: extraction-dev/, dedup-dev/")
    given = words.parse_args()
    commands = [["revisit"], ["alerts", "--sources", "4", "--quiet-sources", "4"], ["catalogue_scale"]]
    if Path("/usr/bin/chromium").exists():
        commands += [["newsroom"]]
    if given.shared:
        sets = sorted(path.parent for path in (given.shared / "extraction-dev").glob("*/pages.jsonl.gz"))
        commands += [["extraction", *map(str, sets)], ["second_day", *map(str, sets)]]
        commands += [["stories", "--shared", str(given.shared)]]
        commands += [["pipeline", "--shared", str(given.shared)], ["publish", "--shared", str(given.shared)]]
    else:
        print("without --shared only what needs no data is measured", file=sys.stderr)
    failed = 0
    for name, *rest in commands:
        print(f"\n== {name}", flush=True)
        failed |= subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *rest]).returncode
    return failed


if __name__ == "__main__":
    sys.exit(main())
