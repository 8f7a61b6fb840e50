"""The pilot measures itself: what it counts, keeps, hides and reports (the rules are in docs/pilot.md)."""
