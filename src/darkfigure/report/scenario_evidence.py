"""What is known of shifting enforcement to buyers, both sides, each with its source and grade.

Grade A was read in the source itself, B in a second source; what is only recalled is not here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Evidence(NamedTuple):
    """A finding in a sentence, and where it comes from, how good it is, and its grade."""

    sentence: str
    why: str


CONTRADICTED = (
    "The literature is mixed. In Northern Ireland no downward pressure was seen after a law "
    "against buyers, and advertisements rose. In Sweden the street market halved, but whether it "
    "went online was not measured. In Vancouver, when police went on with buyers alone, more of "
    "those who sell had to rush negotiation. Arrested buyers were caught again much less, but no "
    "study of that was randomised."
)
"""What speaks against believing any scenario of a shift to buyers, in a few sentences."""

OTHERWISE = (
    "The shift here puts no more hours on buyers, and no study was found of one like it. Of shifts "
    "to buyers this is known. "
)

SPEAKS_FOR = (
    Evidence(
        "Buyers who had been arrested were caught again much less than others, and no move to "
        "other towns or indoors was seen (Colorado Springs and other places in the United States).",
        "Brewer and others 2006, PLoS ONE 1:e60. Grade A. Not randomised; the outcome is another "
        "arrest, which also falls when buyers become careful.",
    ),
    Evidence(
        "In Sweden street prostitution halved from 1999 to 2008, after buying became a crime.",
        "SOU 2010:49. Grade B. Counts of people who can be seen.",
    ),
    Evidence(
        "In Oslo the street market fell by 35 to 60 %, the indoor market by 10 to 20 %.",
        "Vista Analyse 2014. Grade B. By a model.",
    ),
    Evidence(
        "Re-arrest of buyers was “substantially reduced” after the San Francisco programme.",
        "Shively and others 2008, NIJ doc. 221894. Grade A, no number told. Before and after, with "
        "other cities; no randomisation.",
    ),
    Evidence(
        "Practice can change: in Seattle charges of those who sell went from 199 in 2011 to 3 in "
        "2012.",
        "Press. Grade B.",
    ),
    Evidence(
        "Supply answers to demand, so that less demand can mean fewer people in it: in Chicago it "
        "grows on 4 July.",
        "Levitt and Venkatesh 2007. Grade A. Upwards and for days; nobody saw it go down.",
    ),
)

SPEAKS_AGAINST = (
    Evidence(
        "In Northern Ireland a law against buyers brought no downward pressure: advertisements "
        "rose by 5 %, those who advertise from 3,351 to 3,973.",
        "Ellison and others 2019, Department of Justice NI. Grade A. Hardly enforced: 15 arrests "
        "of buyers in three and a half years.",
    ),
    Evidence(
        "Of buyers there 53 % said that nothing changed for them, 27 % that they would buy less "
        "and 11 % that they would stop; 76 % found it as easy as before.",
        "Same survey, of buyers who chose to answer. Grade B.",
    ),
    Evidence(
        "In Vancouver, when police let those who sell alone and went on with buyers, rushed "
        "negotiation rose from 8.9 to 14.8 % of women.",
        "2017, doi via PMC5533660. Grade A.",
    ),
    Evidence(
        "In Sweden the move online was not measured, and the capitals of Denmark and Norway rose. "
        "Of men, 12.7 % had ever bought in 1996, 7.6 % in 2008 and 10 % in 2017.",
        "SOU 2010:49; Stockholm County 2015:18; surveys by a second source. Grade B.",
    ),
    Evidence(
        "Where selling indoors went unpunished in Rhode Island, reported rape fell by 30 % and "
        "gonorrhoea among women by 40 %, while the market grew.",
        "Cunningham and Shah 2018. Grade A. Of buying and selling alike, not of buyers alone.",
    ),
    Evidence(
        "In Sweden reported rape was 47 % higher after the law against buyers (1999–2014).",
        "Ciacci 2018–20. Grade A. Contested: of reported offences, by an instrument.",
    ),
    Evidence(
        "A school for arrested buyers may add nothing to the arrest itself.",
        "Brewer and others 2006, press release. Grade A.",
    ),
    Evidence(
        "No randomised or nearly randomised study was found of what arrests of traffickers do to "
        "how many people are exploited.",
        "Searched for, and not found.",
    ),
)


def contradicted(hours: Sequence[Mapping[str, Any]]) -> str:
    """What speaks against it, for a shift of these hours (`hours` of `Outcome.told`)."""
    more = sum(each["shifted"]["buyers"] - each["today"]["buyers"] for each in hours)
    return CONTRADICTED if more > 0 else OTHERWISE + CONTRADICTED


REFERENCES = (
    "Brewer, D. D., Potterat, J. J., Muth, S. Q. and Roberts, J. M. (2006). A large specific "
    "deterrent effect of arrest for patronizing a prostitute. PLoS ONE 1, e60.",
    "Cunningham, S. and Shah, M. (2018). Decriminalizing indoor prostitution: implications for "
    "sexual violence and public health. Review of Economic Studies 85, 1683–1715.",
    "Ellison, G., Ní Dhónaill, C. and Early, E. (2019). A review of the criminalisation of paying "
    "for sexual services in Northern Ireland. Department of Justice NI.",
    "Jansen, M. J. W. (1999). Analysis of variance designs for model output. Computer Physics "
    "Communications 117, 35–43.",
    "Levitt, S. D. and Venkatesh, S. A. (2007). An empirical analysis of street-level "
    "prostitution. University of Chicago, preliminary.",
    "Saltelli, A., Annoni, P., Azzini, I., Campolongo, F., Ratto, M. and Tarantola, S. (2010). "
    "Variance based sensitivity analysis of model output. Computer Physics Communications 181, "
    "259–270.",
    "Sobol’, I. M. (2001). Global sensitivity indices for nonlinear mathematical models and their "
    "Monte Carlo estimates. Mathematics and Computers in Simulation 55, 271–280.",
)
