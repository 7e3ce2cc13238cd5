-- Forgets reservations that ended a while ago.
DELETE FROM inturn_reservation WHERE state IN ('used', 'published') AND until < ?1
