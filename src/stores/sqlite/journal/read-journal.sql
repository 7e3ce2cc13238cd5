-- The journal of a consumer behind a row, in its order.
SELECT number, changed_at, fence, entries FROM inturn_journal WHERE consumer = ?1 AND number > ?2
ORDER BY number
