-- Forgets the oldest messages of a scope.
DELETE FROM inturn_assigned WHERE scope = ?1 AND place <= ?2
