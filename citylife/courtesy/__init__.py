"""Courtesy: how rarely and when a citizen is told of something, for all shops together.

`quiet` says when she may be disturbed, `draw` who is told when her budget cannot hold everything, `tables` what is
remembered of it. The ledger asks all of them in SQL, a page of citizens at a time (`citylife.audience`).
"""
