"""Learning chemistries: to add one, a file with a subclass of `Chemistry`, and its line in `CHEMISTRIES`."""

from .kang_kim import KangKim

CHEMISTRIES = (KangKim,)

__all__ = ["CHEMISTRIES", "KangKim"]
