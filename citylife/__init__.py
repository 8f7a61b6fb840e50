"""Citylife, in the words of the field. A glossary; nothing is imported here.

Commune: one of the 100 municipalities of the agglomeration, by INSEE code. Area: communes told of together.
Shop: a shop, pool, library, association or market trader; listed, claimed, verified, suspended, closed.
Citizen: a pseudonymous person who follows shops; a token speaks for her, nothing names her.
Merchant: a person who runs a shop, with a team. Staff: people of the cluster « Territoire intelligent ».
Follow: a citizen hears of a shop at a level: always, normal, nearby, none.
Offer: an offer, an event or news of a shop; draft, scheduled, live, ended, withdrawn, sold out.
Piece: the public JSON of an offer, stored, so that hot reads join bytes.
Entry: a word by which a shop or a live offer is found. Gram: three letters of such words.
Consent: an append-only record of what a citizen agreed to.
Device: a push subscription of a browser. Endpoint: its URL, owned once. Origin: the push service it belongs to.
Message: an announcement, a sold-out, a digest, a near-me-now, or what is never announced; expanded into decisions.
Decision: to send to a citizen, or held and why. Delivery: what is sent to one device of hers.
Claim: deliveries handed to a sender under a lease and a fencing token. Settle: write what the push service answered.
Release: the last look at her settings, when a delivery is claimed.
Doorbell: « there is work »; the ledger in SQL is the truth. Timetable: what is due when, once however many workers.
Tombstone: a line outside the database that says somebody was erased, so that no backup brings her back.
Moving code: what lets another phone in, once; typed within ten minutes, or printed.
Figure: what the pilot tells of a measure, an area and a period, once and for ever, or why it is hidden.
Letter: mail as a row, sent by a worker and emptied. Sign-in: a link and a code that open a session, once.
Session: a browser or a program that speaks for a merchant or a member of staff. Pace: how fast somebody goes on.
Bucket: a small hash of the citizen, the lane by which work is claimed.
"""
