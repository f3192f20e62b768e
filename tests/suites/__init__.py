"""Programs with known bugs, re-made from the published descriptions of two suites, SCTBench and GoKer."""
