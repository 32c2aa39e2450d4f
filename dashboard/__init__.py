"""Where it is seen: pages, KPIs, and the machine interface. Nothing here writes records; what must is handed in."""
