"""Domains of addresses that universities give to students, and that end with the studies (promise 18)."""

from __future__ import annotations

# Canadian universities, students' own domains among them; subdomains (mail.utoronto.ca, student.ubc.ca) count too.
UNIVERSITY_DOMAINS = frozenset(
    """
    mcmaster.ca queensu.ca uottawa.ca utoronto.ca toronto.edu uwo.ca
    dal.ca mcgill.ca ualberta.ca ubc.ca ulaval.ca umanitoba.ca myumanitoba.ca umontreal.ca uqtr.ca usask.ca
    usherbrooke.ca
    algomau.ca brocku.ca carleton.ca lakeheadu.ca laurentian.ca laurentienne.ca mylaurier.ca nipissingu.ca
    ocadu.ca ontariotechu.ca ontariotechu.net rmc.ca ryerson.ca torontomu.ca trentu.ca uhearst.ca uoguelph.ca
    uoit.ca uoit.net uontario.ca uwaterloo.ca uwindsor.ca wlu.ca yorku.ca
    acadiau.ca athabascau.ca bishops.ca brandonu.ca cbu.ca concordia.ca ets.ca mta.ca mun.ca msvu.ca sfu.ca
    smu.ca stfx.ca stu.ca tru.ca ucalgary.ca uleth.ca umoncton.ca unb.ca unbc.ca upei.ca uqac.ca uqam.ca
    uqar.ca uqat.ca uqo.ca uregina.ca uvic.ca uwinnipeg.ca
    """.split()  # noqa: SIM905 - a list of short strings is no easier to read
)
# Any university elsewhere that keeps to its country's habit.
ACADEMIC_ENDINGS = (".edu", ".edu.au", ".ac.uk", ".ac.nz", ".ac.in", ".ac.za")
# What graduates keep for life is no address to warn of.
_FOR_LIFE = frozenset({"alumni", "alum", "diplomes"})


def ends_with_studies(address: str) -> bool:
    """Whether an address is at a university, be it at a subdomain, and not one for graduates."""
    domain = address.rpartition("@")[2].strip().casefold()
    parts = domain.split(".")
    if not _FOR_LIFE.isdisjoint(parts):
        return False
    parents = {".".join(parts[start:]) for start in range(len(parts))}
    return not parents.isdisjoint(UNIVERSITY_DOMAINS) or domain.endswith(ACADEMIC_ENDINGS)
