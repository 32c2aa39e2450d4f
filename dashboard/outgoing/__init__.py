"""How the picture goes to systems that do not ask for it: as one viewer may see it, and taken back when they may no longer."""
