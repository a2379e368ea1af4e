"""Claim: from complete days the network forecasts almost as well as the Bayes predictor that sees the same window.

python benchmarks/window_forecast.py CHECKPOINT [--preset default] [--windows 4000] [--reference 32000]

Scores are on patients nobody learned from: expected log loss against the probability that the whole truth gives. The
Bayes predictor averages over a bank of reference patients' days; half the bank is tried too, to show what its size
still costs. The share of the way from the base rate to the Bayes predictor has a bootstrap interval over windows.
"""

from __future__ import annotations

import numpy as np
import torch
from measure import machine
from reference_at_hand import arguments, at_hand, trained

from migraine_platform.aline.scoring.baselines import fit_baselines
from migraine_platform.aline.scoring.scorecard import complete_day_scores
from migraine_platform.forecast_scores import log_loss, share_of_way
from migraine_platform.simulator.hourly.bank import REFERENCE, fill_bank
from migraine_platform.simulator.hourly.window_posterior import BankPosterior

BOOTSTRAPS = 2000


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--windows", type=int, default=4000)
    parser.add_argument("--reference", type=int, default=32000)
    parser.add_argument("--labelled", type=int, default=180_000)
    options = parser.parse_args()
    settings, reference = at_hand(options.preset)
    net, card = trained(options.checkpoint, reference)
    print(f"{machine()}; preset {options.preset}; checkpoint {card.version} of step {card.step}")
    rng = np.random.default_rng(11)
    windows = reference.scoring.simulator.draw(rng, options.windows, complete=True)
    baselines = fit_baselines(reference.task.simulator.draw(rng, options.labelled, complete=True), 0)
    truth = windows.probability
    losses: dict[str, np.ndarray] = {}
    bank = fill_bank(reference.simulator, REFERENCE, options.reference)
    half = bank.take(np.arange(bank.size // 2))
    found = None
    for name, part in (("bayes_half_bank", half), ("bayes", bank)):
        found = BankPosterior(settings.hours, reference.daily, part).infer(windows)
        losses[name] = log_loss(found.probability, truth)
        print(f"{name}: {part.size:,} days, {np.median(found.effective):.0f} of them speak for a window (median)")
    assert found is not None
    scores, calibration = complete_day_scores(net, reference.scoring, windows, baselines, found.probability)
    for score in scores:
        if score.metric in ("log_loss", "auc", "log_loss_behind_aline"):
            print(f"{score.model:<22} {score.metric:<22} {score.value:8.4f}   {score.lower:.4f} to {score.upper:.4f}")
    with torch.no_grad():
        posterior = net.posterior(net.encode(reference.scoring.complete(windows).context))
    own = log_loss(posterior.chance()[:, -1].double().numpy(), truth)
    base = log_loss(baselines["base_rate"](windows), truth)
    for ceiling, loss in (("bayes", losses["bayes"]), ("whole truth", log_loss(truth, truth))):
        draws = rng.integers(len(own), size=(BOOTSTRAPS, len(own)))
        shares = [share_of_way(own[rows].mean(), base[rows].mean(), loss[rows].mean()) for rows in draws]
        low, high = np.quantile(shares, (0.025, 0.975))
        way = share_of_way(own.mean(), base.mean(), loss.mean())
        print(f"share of the way from base rate to {ceiling}: {100 * way:.1f} %   {100 * low:.1f} to {100 * high:.1f}")
    scale = np.log([target.sd for target in card.layout.targets[:4]])
    exact = -(found.log_density + scale).mean(axis=0)
    stated = [-score.value for score in scores if score.metric.startswith("log_density_z_")]
    print("latent posterior, nats a dimension (standard units): network, Bayes, difference")
    for name, ours, theirs in zip(calibration.names, stated, exact, strict=False):
        print(f"  {name:<14} {ours:.3f}  {theirs:.3f}  {ours - theirs:+.3f}")
    print(f"  mean           {np.mean(stated):.3f}  {exact.mean():.3f}  {np.mean(stated) - exact.mean():+.3f}")
    print("calibration: 90 % coverage and p of uniform ranks")
    for name, share, p in zip(calibration.names, calibration.share.tolist(), calibration.p_value, strict=True):
        print(f"  {name:<28} {100 * share:.1f} %  p = {p:.3g}")


if __name__ == "__main__":
    main()
