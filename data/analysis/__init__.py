"""One method per file: pure functions from what a viewer may see to a finding with its limits."""
