"""The ledger: messages, decisions and deliveries; what became of every announcement, for everyone, and why.

The truth of sending is here, in SQL; a broker is only a doorbell. `messages` propose, `expansion` writes decisions and
deliveries by pages, `claims` hands deliveries to a sender under a lease and a fencing token, `settlement` writes what
the push service answered, and gives back what a dead worker held.
"""
