"""Published times of five rule-based networks.

Medians of the time of one exact run on one core.

Reference: T. E. Loman et al., Catalyst: fast and flexible modeling of reaction networks, PLoS Comput. Biol. 19 (2023)
e1011530, doi:10.1371/journal.pcbi.1011530; data in github.com/SciML/Catalyst_PLOS_COMPBIO_2023, folder Benchmarks.
"""

from typing import NamedTuple

SOURCE = "Loman et al. 2023, PLoS Comput. Biol. 19:e1011530"


class Published(NamedTuple):
    """Times of Catalyst's fastest method and of BioNetGen for a run to `full_end`."""

    full_end: float
    method: str
    """Catalyst's fastest method."""
    fastest: float
    """Time of that method, without start-up [s]."""
    bionetgen: float
    """Time of BioNetGen [s]. It includes start-up: its program reads and expands the model in each run."""
    start_up: float = 0.0
    """The part of `bionetgen` that is taken off as start-up [s]. It is known where it is a large part: the line through
    its two shortest published runs, at T = 0."""
    end: float | None = None
    """End of the runs that are measured here, if not `full_end`."""

    @property
    def t_end(self) -> float:
        return self.full_end if self.end is None else self.end

    @property
    def ratio(self) -> float:
        """How many times faster than BioNetGen Catalyst's fastest method is."""
        return (self.bionetgen - self.start_up) / self.fastest


PUBLISHED = {
    "multistate": Published(1e3, "RSSA", 0.087, 0.511),
    "multisite2": Published(1e3, "RSSA", 7.55, 42.3),
    "egfr_net": Published(100.0, "RSSACR", 2.78, 55.8),
    # A run of BioNetGen to the published end takes hours.
    "BCR": Published(1.6e4, "RSSACR", 428.0, 40_068.0, end=5.0),
    # Its runs to T = 10 and 21.54 took 100.80 and 110.12 s.
    "fceri_gamma2": Published(100.0, "RSSACR", 0.423, 175.5, start_up=92.7),
}
"""By the name of the file, without its ending."""
