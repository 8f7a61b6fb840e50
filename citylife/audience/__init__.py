"""The audience of an announcement: who hears of it, when, and why the others do not; every rule in set-based SQL.

`judging` holds the rules as one question, asked a page of citizens at a time; `writing` lets the ledger write the
answer down; `foresight` counts it for a merchant, and `previews` does so as fast as he types.
"""
