"""How it was done, for a statistician: what the page says of each method, and where it comes from.

A method without words of its own is described by what its estimate has: a model, replicates.
"""

from __future__ import annotations

from darkfigure.estimate import Estimate

ALWAYS = (
    "Chan, L., Silverman, B. W. and Vincent, K. (2021). Multiple systems estimation for sparse "
    "capture data: inferential challenges when there are nonoverlapping lists. Journal of the "
    "American Statistical Association 116(535), 1297–1306.",
    "Silverman, B. W., Chan, L. and Vincent, K. (2024). Bootstrapping multiple systems estimates "
    "to account for model selection. Statistics and Computing 34, 44.",
    "Fienberg, S. E. and Rinaldo, A. (2012). Maximum likelihood estimation in log-linear models. "
    "Annals of Statistics 40(2), 996–1023.",
)

TIERNEY = (
    "Tierney, L. and Kadane, J. B. (1986). Accurate approximations for posterior moments and "
    "marginal densities. Journal of the American Statistical Association 81(393), 82–86.",
)
SHRUNK = (
    "Binette, O. and Steorts, R. C. (2022). On the reliability of multiple systems estimation for "
    "the quantification of modern slavery. Journal of the Royal Statistical Society A 185(2), "
    "640–676.",
    *TIERNEY,
)
RIVEST = (
    "Rivest, L.-P. and Baillargeon, S. (2007). Applications and extensions of Chao's moment "
    "estimator for the size of a closed population. Biometrics 63(4), 999–1006.",
)
OF_METHOD = {
    "auto": SHRUNK,
    "shrinkage": SHRUNK,
    "averaged": (
        "Kass, R. E. and Raftery, A. E. (1995). Bayes factors. Journal of the American "
        "Statistical Association 90(430), 773–795.",
        "Hoeting, J. A., Madigan, D., Raftery, A. E. and Volinsky, C. T. (1999). Bayesian model "
        "averaging: a tutorial. Statistical Science 14(4), 382–417.",
        *TIERNEY,
    ),
    "decomposable": (
        "Dawid, A. P. and Lauritzen, S. L. (1993). Hyper Markov laws in the statistical analysis "
        "of decomposable graphical models. Annals of Statistics 21(3), 1272–1317.",
        "Madigan, D. and York, J. C. (1997). Bayesian methods for estimation of the size of a "
        "closed population. Biometrika 84(1), 19–31.",
    ),
    "latent-class": (
        "Manrique-Vallier, D. (2016). Bayesian population size estimation using Dirichlet process "
        "mixtures. Biometrics 72(4), 1246–1254.",
    ),
    "threshold": (
        "Silverman, B. W. (2020). Multiple-systems analysis for the quantification of modern "
        "slavery: classical and Bayesian approaches. Journal of the Royal Statistical Society A "
        "183(3), 691–736.",
    ),
    "chao": (
        "Chao, A. (1987). Estimating the population size for capture-recapture data with unequal "
        "catchability. Biometrics 43(4), 783–791.",
        *RIVEST,
    ),
    "heterogeneity": RIVEST,
}

BEYOND = (
    "Aleshin-Guendel, S., Sadinle, M. and Wakefield, J. (2024). The central role of the "
    "identifying assumption in population size estimation. Biometrics 80(1).",
)
LINKAGE = (
    "Fellegi, I. P. and Sunter, A. B. (1969). A theory for record linkage. Journal of the American "
    "Statistical Association 64(328), 1183–1210.",
    "Linacre, R., Lindsay, S., Manassis, T., Slade, Z. and Hepworth, T. (2022). Splink: free "
    "software for probabilistic record linkage at scale. International Journal of Population Data "
    "Science 7(3).",
    "Rubin, D. B. (1987). Multiple Imputation for Nonresponse in Surveys. Wiley.",
)

LOGLINEAR = (
    "The counts of people by combination of lists are described by a log-linear model, and the "
    "count of the combination of no list is read off the model. "
)

SHRINKAGE = (
    "The counts of people by combination of lists are described by a log-linear model with all "
    "dependences among the lists, each normal beforehand about what is usual of lists of hidden "
    "people; what is usual was set with tables of people in view whose true number is known. The "
    "number on no list is read off the posterior, in which the dependences are integrated out by "
    "Laplace's method. "
)

POSTERIOR = {
    "auto": SHRINKAGE,
    "shrinkage": SHRINKAGE,
    "averaged": (
        "The counts of people by combination of lists are described by log-linear models, and the "
        "count of the combination of no list is read off each of them. The models are averaged "
        "with the probability that the data give them, worked out {weighed}; of many models only "
        "those that have nearly all of it. "
    ),
    "decomposable": (
        "Lists that depend on each other directly are joined, which makes a graph. Every "
        "decomposable graph (each ring of four or more lists has a chord) is averaged with the "
        "probability that the data give it, under a hyper-Dirichlet prior with a weight of "
        "{delta:g} for each combination of lists and 1 / N for the total N. "
    ),
    "latent-class": (
        "Everybody belongs to one of several classes, within which the lists are independent (a "
        "Dirichlet process mixture). The posterior was drawn by Hamiltonian Monte Carlo with "
        "replicas at several temperatures, until its chains agreed. "
    ),
    "threshold": (
        "The counts of people by combination of lists are described by a log-linear model with all "
        "pairs of lists. Pairs whose interaction is small beside its spread in the posterior were "
        "left out, and the posterior of the model that remains was drawn by Hamiltonian Monte "
        "Carlo; the choice of the pairs is not in the interval. "
    ),
}

LAYERS = {
    "chao": (
        "People may differ in how easily they are found. However they do, the numbers of people on "
        "one list and on two set a least number to those on none; the least number is estimated by "
        "maximum likelihood. "
    ),
    "heterogeneity": (
        "People differ in how easily they are found, on all lists alike, in a way of which the "
        "form is assumed; a log-linear model of the number of lists that people are on is fitted "
        "by maximum likelihood. "
    ),
}


def method_text(estimate: Estimate) -> str:
    """What was done, in a few sentences.

    Examples
    --------
    >>> method_text(Estimate(500.0, 400.0, 700.0, 0.95, 120, "chao", ("a", "b")))
    'People may differ in how easily they are found. ... The interval is at 95\xa0%.'
    """
    level = f"{100 * estimate.level:g}\u00a0%"
    interval = str(estimate.details.get("interval", ""))
    if estimate.method in POSTERIOR:
        weighed = "from BIC"
        if estimate.settings.get("weights") == "laplace":
            weighed = (
                "by Laplace's approximation, with a normal prior of standard deviation "
                f"{estimate.settings.get('prior_sd', 1.5)} on each interaction"
            )
        said = POSTERIOR[estimate.method].format(
            weighed=weighed, delta=estimate.settings.get("delta", 0.0)
        )
        if "added up" in interval:
            said += "This was done for each kind of people, and the totals were added up. "
        return f"{said}{level} of the totals drawn in this way lie in the interval."
    said = LAYERS.get(estimate.method, LOGLINEAR if estimate.details.get("model") else "")
    if "BCa" in interval:
        choice = "fit" if estimate.method in LAYERS else "choice of the model"
        return said + (
            f"The {level} interval comes from a bootstrap which redraws the counts and repeats the "
            f"{choice}, corrected for bias and acceleration (BCa)."
        )
    if estimate.draws is not None:
        return said + f"The {level} interval rests on {estimate.draws.size:,} replicates."
    return said + f"The interval is at {level}."


def facts(estimate: Estimate, seed: int) -> list[tuple[str, str]]:
    """What a statistician wants to know, as far as the method has told it; `seed` as asked for."""
    details = estimate.details
    told: list[tuple[str, str]] = [("Method", estimate.method)]
    if details.get("model"):
        numbered = ", ".join(f"{i} {name}" for i, name in enumerate(estimate.lists, start=1))
        told.append(("Model", f"{details['model']}, by the numbers of the lists: {numbered}"))
    if details.get("bic") is not None:
        told.append(("BIC", f"{float(details['bic']):,.1f}"))
    for key, name in (
        ("models", "Models compared"),
        ("models_fitted", "Models fitted"),
        ("models_pruned", "Models ruled out by the bound"),
        ("models_weighed", "Models weighed"),
        ("models_admissible", "Models with an estimate"),
        ("graphs", "Graphs weighed"),
    ):
        if details.get(key) is not None:
            told.append((name, f"{int(details[key]):,}"))
    if "certified" in details:
        told.append(("Best model", "proven" if details["certified"] else "not proven"))
    low, high = f"{estimate.lower:,.0f}", f"{estimate.upper:,.0f}"
    upper = high if estimate.upper < float("inf") else "no upper limit"
    told.append(("Estimate", f"{estimate.total:,.0f} ({low} to {upper})"))
    for key, name in (
        ("mass_proven", "Probability proven to lie on the models weighed"),
        ("mass_without_estimate", "Probability on models without an estimate"),
        ("mass_prior_driven", "Probability on graphs that leave the unseen to the prior"),
    ):
        if details.get(key) is not None:
            told.append((name, f"{100 * float(details[key]):.1f}\u00a0%"))
    if estimate.draws is not None:
        drawn = "Draws" if estimate.method in POSTERIOR else "Replicates"
        told.append((drawn, f"{estimate.draws.size:,}"))
    for key, name in (("bias", "BCa bias correction"), ("acceleration", "BCa acceleration")):
        if details.get(key) is not None:
            told.append((name, f"{float(details[key]):.4f}"))
    told.append(("Seed", str(estimate.settings.get("seed", seed))))
    return told


def references(estimate: Estimate, *, beyond: bool, linked: bool) -> tuple[str, ...]:
    """Where the method comes from, what no data can tell, and the linkage if there was any."""
    return (
        *ALWAYS,
        *(BEYOND if beyond else ()),
        *OF_METHOD.get(estimate.method, ()),
        *(LINKAGE if linked else ()),
    )
