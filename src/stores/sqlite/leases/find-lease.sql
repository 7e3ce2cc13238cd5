-- A lease by its name.
SELECT holder, fence, until FROM inturn_lease WHERE name = ?1
