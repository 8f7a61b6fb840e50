"""The digest by e-mail: for those without push, what the shops they follow offer, in one letter a week.

`tables` is the one place an address stands in, `asking` how it comes there and leaves again: a tap on the page of a
letter that was sent to it, and one tap in any letter. `writing` says when a letter is due and what it tells.
"""
