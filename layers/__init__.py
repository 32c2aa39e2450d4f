"""How it is drawn: map layers and their vector tiles."""
