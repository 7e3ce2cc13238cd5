-- The journal of a consumer, in its order.
SELECT number, changed_at, fence, entries FROM inturn_journal WHERE consumer = ?1 ORDER BY number
