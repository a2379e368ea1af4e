"""Claim: loading the code location costs at most 1.5 times a bare `import dagster`, each in a fresh process.

python benchmarks/import_time.py
"""

from __future__ import annotations

import subprocess
import sys

from measure import compare, machine


def fresh(statement: str) -> None:
    subprocess.run([sys.executable, "-c", statement], check=True)


if __name__ == "__main__":
    ours, bare = compare(
        lambda: fresh("import migraine_platform.definitions"), lambda: fresh("import dagster"), runs=11
    )
    print(machine())
    print(f"import migraine_platform.definitions {ours:.2f} s, import dagster {bare:.2f} s (medians of 11)")
    print(f"ratio {ours / bare:.2f}, target <= 1.5")
