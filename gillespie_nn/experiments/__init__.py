"""Simulation experiments as files: SED-ML level 1, alone or in a COMBINE archive.

`files` reads what a stranger sent, `sedml` says what it asks for or refuses it by name, `models` applies changes to
SBML, `tasks` simulates, `outputs` writes reports and plots, and `run` does all of it.

D. Waltemath et al., BMC Systems Biology 5 (2011) 198, doi:10.1186/1752-0509-5-198; L. P. Smith et al., J. Integrative
Bioinformatics 18 (2021) 20210021, doi:10.1515/jib-2021-0021 (level 1 version 4).
"""

from .experiment import ENDINGS, ExperimentResult, run_experiment

__all__ = ["ENDINGS", "ExperimentResult", "run_experiment"]
