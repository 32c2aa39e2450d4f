"""ISO 3166-1: the two-letter code of a country, with which its P-codes begin, from its three-letter one."""

from __future__ import annotations

import re

# Only where the two letters are not the first two of the three.
_ODD = (
    "ABWAW AGOAO ALAAX ANDAD AREAE ARMAM ATAAQ ATFTF ATGAG AUTAT BDIBI BENBJ BESBQ BGDBD BHSBS BIHBA BLRBY BLZBZ"
    " BRBBB BRNBN CAFCF CHLCL CHNCN CODCD COGCG COKCK COMKM CPVCV CUWCW CYMKY DNKDK ESHEH ESTEE FLKFK FROFO FSMFM"
    " GINGN GLPGP GNBGW GNQGQ GRDGD GRLGL GUFGF GUYGY IRLIE IRQIQ ISRIL JAMJM KAZKZ KORKR LBRLR LBYLY MACMO MAFMF"
    " MDGMG MDVMV MEXMX MLTMT MNEME MNPMP MOZMZ MTQMQ MYTYT NIUNU PAKPK PCNPN PLWPW PNGPG POLPL PRKKP PRTPT PRYPY"
    " PYFPF SENSN SGSGS SLBSB SLVSV SPMPM SRBRS SURSR SVKSK SVNSI SWESE SWZSZ SYCSC TCDTD TKMTM TUNTN TURTR TUVTV"
    " UKRUA URYUY WLFWF"
)
_TWO = {pair[:3]: pair[3:] for pair in _ODD.split()}


def iso2(code: str) -> str:
    """`SS` for `SSD`, `ssd` or `SS`; empty where it is not two or three letters."""
    code = code.strip().upper()
    if not re.fullmatch(r"[A-Z]{2,3}", code):
        return ""
    return _TWO.get(code, code[:2])
