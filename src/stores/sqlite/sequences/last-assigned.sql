-- The place of the last message of a scope.
SELECT coalesce(max(place), 0) AS place FROM inturn_assigned WHERE scope = ?1
