"""Simulation experiments as files: SED-ML level 1, alone or in a COMBINE archive.

`sedml` reads the files, and refuses by name what is not supported. `experiment` applies changes to the models,
simulates, and writes reports and plots.

D. Waltemath et al., BMC Systems Biology 5 (2011) 198, doi:10.1186/1752-0509-5-198; L. P. Smith et al., J. Integrative
Bioinformatics 18 (2021) 20210021, doi:10.1515/jib-2021-0021 (level 1 version 4).
"""

from .experiment import ENDINGS, ExperimentResult, run_experiment

__all__ = ["ENDINGS", "ExperimentResult", "run_experiment"]
