"""Mail to merchants beside what they ask for: what each is for, the links in it, and how each is stopped.

`links` is how a letter's link proves whom it was sent to; `confirming` the letter that follows publishing; `mondays`
the letter of a week, and `repeating` what its link publishes anew.
"""
