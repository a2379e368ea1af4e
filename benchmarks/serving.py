"""Claim: 256 patients' posteriors and next questions in one batch take at most 100 ms.

python benchmarks/serving.py CHECKPOINT [--preset default] [--runs 21] [--threads 2]

Baseline: the same, patient by patient. A batch is findings (migraine with its interval, states, susceptibilities) and
the best next question with its expected gain for each, from evenings with all passive readings.
"""

from __future__ import annotations

import numpy as np
import torch
from measure import compare, machine
from reference_at_hand import arguments, at_hand, trained

from migraine_platform.aline.advice.advice import Advisor

PATIENTS = 256


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--runs", type=int, default=21)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    settings, reference = at_hand(options.preset)
    net, card = trained(options.checkpoint, reference)
    advisor = Advisor(net, settings.hours)
    windows = reference.scoring.simulator.draw(np.random.default_rng(0), PATIENTS, now=settings.hours.evening)

    def batch() -> None:
        session = advisor.begin(windows)
        session.findings()
        session.next_questions(1)

    def one_by_one() -> None:
        for row in range(PATIENTS):
            session = advisor.begin(windows.take(slice(row, row + 1)))
            session.findings()
            session.next_questions(1)

    batch()
    own, theirs = compare(batch, one_by_one, options.runs)
    print(f"{machine()}; {options.threads} threads; checkpoint {card.version}, width {card.size.width}")
    print(f"{PATIENTS} patients in one batch  {1000 * own:8.1f} ms")
    print(f"one by one                {1000 * theirs:8.1f} ms")
    print(f"ratio                     {theirs / own:8.1f}")


if __name__ == "__main__":
    main()
