-- A worker ends by its own will.
DELETE FROM inturn_worker WHERE consumer = ?1 AND name = ?2
