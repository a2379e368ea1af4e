"""Claim: a million patients x 180 days go into the lake with at most 4 GiB of memory, streamed.

python benchmarks/cohort_lake.py [patients days [folder]]

Prints progress, time, rows/s and peak memory. By default in a temporary folder, removed afterwards; a million patients
take about 75 GB there.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

from measure import machine

from migraine_platform.config import load_settings
from migraine_platform.config.simulator.settings import batch_name
from migraine_platform.priors.workbook.configured import configured_features
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator
from migraine_platform.simulator.cohort.parameter_fitting import fit_parameters
from migraine_platform.warehouse import tables
from migraine_platform.warehouse.lake.lake import Lake, Stamp

PROGRESS_SECONDS = 20.0


def write_cohort(simulator: CohortSimulator, lake: Lake, progress: bool = False) -> int:
    """Every batch of every table into a lake; the rows written. One batch is simulated while the last is written."""
    declared = {table.name: table for table in tables.ALL}
    stamp = Stamp("benchmark", "benchmark", simulator.settings.cohort.last_date)
    batches = simulator.settings.cohort.batches
    rows, begun, reported = 0, time.perf_counter(), time.perf_counter()

    def write(number: int, frames: dict) -> int:
        lake.write_many({declared[name]: frame for name, frame in frames.items()}, batch_name(number), stamp)
        return sum(frame.height for frame in frames.values())

    with ThreadPoolExecutor(1) as pool:
        writing = None
        for number in range(batches):
            frames = simulator.batch(number)
            if writing is not None:
                rows += writing.result()
            writing = pool.submit(write, number, frames)
            if progress and time.perf_counter() - reported > PROGRESS_SECONDS:
                reported = time.perf_counter()
                print(f"batch {number + 1:,} of {batches:,}, {reported - begun:.0f} s", file=sys.stderr)
        return rows + (writing.result() if writing is not None else 0)


if __name__ == "__main__":
    patients, days = (int(argument) for argument in sys.argv[1:3]) if len(sys.argv) > 2 else (1_000_000, 180)
    chosen = load_settings("large")
    cohort = chosen.simulator.cohort.model_copy(update={"patients": patients, "days": days, "batch_size": 1000})
    ceilings = chosen.simulator.ceilings.model_copy(update={"oracle_patients": 0})
    settings = chosen.simulator.model_copy(update={"cohort": cohort, "ceilings": ceilings})
    features = configured_features(chosen.priors)
    simulator = CohortSimulator(settings, features, fit_parameters(settings, features))
    simulator.batch(0)
    with tempfile.TemporaryDirectory(dir=sys.argv[3] if len(sys.argv) > 3 else None) as folder:
        begun = time.perf_counter()
        rows = write_cohort(simulator, Lake(folder), progress=True)
        took = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(machine())
    print(f"{patients:,} patients x {days} days: {took:.0f} s, {patients * days / took:,.0f} patient-days/s, ", end="")
    print(f"{rows:,} rows ({rows / took:,.0f}/s), peak memory {peak:.2f} GiB, target <= 4")
