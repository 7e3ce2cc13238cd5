-- What is counted of each domain.
SELECT name, held, handed_over, paused FROM inturn_domain WHERE consumer = ?1
