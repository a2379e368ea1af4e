"""Claims: a cohort is simulated 60 times as fast as by the design document's loops, in memory; 30 times into the lake.

python benchmarks/cohort_generation.py [patients days]

The baseline does what the document's generator classes do, value by value: a Python loop over patients and days that
fills structured arrays with draws of numpy's RandomState. It leaves out what the platform adds (a burn-in of 28 days,
weather from a real station, persistence and correlation of features, hormones, the latent state, coupling, attacks over
several days, wearable signals, the full-state forecast, what was recorded), so the ratios understate. Sides:

    in memory       the whole model as arrays of the kept days: what the document's structured arrays hold, and the rest
    as tables       the frames of all eleven tables, measured days with their gaps included
    into the lake   the same written as Parquet, batch by batch

The particle filter of the ceilings is left out on all sides: it infers, it does not generate.
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial

import numpy as np
from cohort_lake import write_cohort
from measure import compare, machine

from migraine_platform.config import load_settings
from migraine_platform.priors.workbook.configured import configured_features
from migraine_platform.simulator.cohort.cohort_simulator import CohortSimulator, Trajectories
from migraine_platform.simulator.cohort.parameter_fitting import fit_parameters
from migraine_platform.simulator.generative.profiles import draw_batch
from migraine_platform.warehouse.lake.lake import Lake

DATES = np.datetime64("2024-01-01")


def days_array(days: int, names: list[str], formats: list[str]) -> np.ndarray:
    data = np.zeros(days, dtype={"names": ["date", *names], "formats": ["datetime64[D]", *formats]})
    data["date"] = [DATES + np.timedelta64(day, "D") for day in range(days)]
    return data


def profiles(rng: np.random.RandomState, patients: int) -> list[dict]:
    people = []
    for number in range(patients):
        chronic = rng.random_sample() < 0.15
        people.append(
            {
                "id": f"P{number:04d}",
                "age": rng.randint(18, 65),
                "sex": rng.choice(["M", "F"], p=[0.3, 0.7]),
                "chronic": chronic,
                "frequency": (rng.uniform(15, 25) if chronic else rng.uniform(1, 14)) / 30,
                "aura": rng.random_sample() < 0.3,
                "s": {name: rng.uniform(0.1, 1) for name in ("weather", "sleep", "stress", "diet")},
            }
        )
    return people


def sleep_days(rng: np.random.RandomState, days: int) -> tuple[np.ndarray, np.ndarray]:
    names = ["hours", "deep", "rem", "light", "awake", "quality"]
    data, trigger = days_array(days, names, ["float32"] * 6), np.zeros(days, dtype=bool)
    for day in range(days):
        hours = rng.normal(7, 1.5)
        if day % 7 >= 5:
            hours += rng.uniform(0, 1.5)
        if day > 0:
            hours = 0.7 * hours + 0.3 * data[day - 1]["hours"]
        if rng.random_sample() < 0.15:
            hours = rng.uniform(3, 5) if rng.random_sample() < 0.5 else rng.uniform(9, 12)
            trigger[day] = True
        data[day]["hours"] = max(min(hours, 14), 2)
        deep, rem = rng.uniform(0.1, 0.3), rng.uniform(0.15, 0.25)
        data[day]["deep"], data[day]["rem"], data[day]["light"] = deep, rem, 1 - deep - rem
        data[day]["awake"] = rng.uniform(10, 60)
        quality = 50 + 100 * (deep * 2 + rem - data[day]["awake"] / 120)
        data[day]["quality"] = max(min(quality, 100), 0)
    return data, trigger


def weather_sites(rng: np.random.RandomState, days: int, sites: int) -> list[tuple[np.ndarray, np.ndarray]]:
    made = []
    for _ in range(sites):
        data = days_array(days, ["temperature", "humidity", "pressure", "change"], ["float32"] * 4)
        season = 15 + 15 * np.sin(np.linspace(0, 2 * np.pi, days) - np.pi / 2)
        temperature = season + rng.normal(0, 5, days)
        humidity = np.clip(60 + rng.normal(0, 15, days) - 0.5 * (temperature - season), 20, 100)
        pressure = 1013 + rng.normal(0, 2, days)
        for day in range(1, days):
            pressure[day] = 0.9 * pressure[day] + 0.1 * pressure[day - 1]
            if rng.random_sample() < 0.1:
                length, size = rng.randint(3, 6), rng.uniform(-15, 15)
                for i in range(min(length, days - day)):
                    pressure[day + i] += size * (i + 1) / length
        change = np.zeros(days)
        for day in range(1, days):
            change[day] = pressure[day] - pressure[day - 1]
        data["temperature"], data["humidity"], data["pressure"], data["change"] = (
            temperature,
            humidity,
            pressure,
            change,
        )
        made.append((data, change <= -5))
    return made


def diary_days(rng: np.random.RandomState, days: int, susceptibility: float) -> tuple[np.ndarray, np.ndarray]:
    names = ["stress", "alcohol", "caffeine", "chocolate", "processed", "water"]
    data = days_array(days, names, ["float32", "bool", "bool", "bool", "bool", "float32"])
    trigger = np.zeros(days, dtype=bool)
    base = rng.uniform(2, 5)
    weekly, stress = np.zeros(days), np.zeros(days)
    for day in range(days):
        weekly[day] = rng.uniform(0, 2) if day % 7 < 5 else rng.uniform(-1, 0.5)
    for day in range(days):
        stress[day] = 0.7 * (base + weekly[day]) + 0.3 * stress[day - 1] if day > 0 else base + weekly[day]
        if rng.random_sample() < 0.1:
            stress[day] += rng.uniform(3, 5)
            trigger[day] = True
        stress[day] = max(min(stress[day], 10), 1)
    data["stress"] = stress
    shares = [rng.uniform(0.05, 0.3), rng.uniform(0.3, 0.9), rng.uniform(0.1, 0.4), rng.uniform(0.3, 0.7)]
    for day in range(days):
        extra = 0.2 if day % 7 >= 5 else 0
        data[day]["alcohol"] = rng.random_sample() < shares[0] + extra
        data[day]["caffeine"] = rng.random_sample() < shares[1]
        data[day]["chocolate"] = rng.random_sample() < shares[2]
        data[day]["processed"] = rng.random_sample() < shares[3]
        data[day]["water"] = rng.uniform(0.5, 3)
        if data[day]["alcohol"] or data[day]["caffeine"] or data[day]["chocolate"]:
            count = int(data[day]["alcohol"]) + int(data[day]["caffeine"]) + int(data[day]["chocolate"])
            if count >= 2 or rng.random_sample() < susceptibility:
                trigger[day] = True
    return data, trigger


def events(rng: np.random.RandomState, days: int, person: dict, triggers: np.ndarray) -> np.ndarray:
    data = days_array(days, ["migraine", "aura", "severity", "duration"], ["bool", "bool", "float32", "float32"])
    for day in range(days):
        probability = person["frequency"]
        if day > 0:
            for name in ("weather", "sleep", "stress", "diet"):
                if triggers[day - 1][name]:
                    probability += 0.15 * person["s"][name]
        migraine = rng.random_sample() < min(probability, 0.95)
        data[day]["migraine"] = migraine
        if migraine:
            data[day]["aura"] = rng.random_sample() < person["aura"]
            data[day]["severity"] = rng.uniform(3, 10)
            data[day]["duration"] = rng.uniform(4, 72)
    return data


def document_cohort(patients: int, days: int) -> list[tuple]:
    """The document's cohort, patient by patient and day by day."""
    rng = np.random.RandomState(42)
    people = profiles(rng, patients)
    sites = weather_sites(rng, days, min(20, patients))
    cohort = []
    for person in people:
        sleep, sleep_trigger = sleep_days(rng, days)
        pattern, weather_trigger = sites[rng.randint(0, len(sites))]
        weather = pattern.copy()
        weather["temperature"] += rng.uniform(-2, 2)
        weather["humidity"] += rng.uniform(-5, 5)
        weather["pressure"] += rng.uniform(-1, 1)
        diary, diary_trigger = diary_days(rng, days, person["s"]["diet"])
        triggers = np.zeros(days, dtype={"names": ["weather", "sleep", "stress", "diet"], "formats": ["bool"] * 4})
        triggers["weather"], triggers["sleep"] = weather_trigger, sleep_trigger
        triggers["stress"], triggers["diet"] = diary_trigger, diary_trigger
        cohort.append((person, weather, sleep, diary, events(rng, days, person, triggers)))
    return cohort


def in_memory(simulator: CohortSimulator) -> list[Trajectories]:
    """The platform's cohort as arrays, batch by batch."""
    return [
        simulator.trajectories(draw_batch(simulator.settings, number))
        for number in range(simulator.settings.cohort.batches)
    ]


def as_tables(simulator: CohortSimulator) -> list[dict]:
    """The platform's cohort as frames of all tables."""
    return [simulator.batch(number) for number in range(simulator.settings.cohort.batches)]


def into_lake(simulator: CohortSimulator) -> None:
    """The same as Parquet partitions in a fresh lake."""
    with tempfile.TemporaryDirectory() as folder:
        write_cohort(simulator, Lake(folder))


if __name__ == "__main__":
    patients, days = (int(argument) for argument in sys.argv[1:3]) if len(sys.argv) > 2 else (1000, 180)
    chosen = load_settings("default")
    cohort = chosen.simulator.cohort.model_copy(update={"patients": patients, "days": days, "batch_size": 500})
    ceilings = chosen.simulator.ceilings.model_copy(update={"oracle_patients": 0})
    settings = chosen.simulator.model_copy(update={"cohort": cohort, "ceilings": ceilings})
    features = configured_features(chosen.priors)
    simulator = CohortSimulator(settings, features, fit_parameters(settings, features))
    simulator.batch(0)  # compiled code is loaded once a process
    print(machine())
    print(f"{patients:,} patients x {days} days, medians of 5 by turns with the document's loops")
    total = patients * days
    sides = {"in memory": (in_memory, 60), "as tables": (as_tables, None), "into the lake": (into_lake, 30)}
    for name, (side, target) in sides.items():
        ours, theirs = compare(partial(side, simulator), partial(document_cohort, patients, days), runs=5)
        demanded = f", target >= {target}" if target else ""
        print(
            f"{name}: {ours:.3f} s ({total / ours:,.0f} patient-days/s), document {theirs:.1f} s "
            f"({total / theirs:,.0f}): ratio {theirs / ours:.0f}{demanded}"
        )
