-- Burns what was reserved and not used in time.
UPDATE inturn_reservation SET state = 'burned', reason = 'the claim of the numbers has ended'
WHERE domain = ?1 AND state = 'open' AND until <= ?2
