"""An invented town with a year behind it, drawn by lot and written in sets, to try and to measure everything in."""
