-- Removes the beginning of the log. The streams keep their last number.
DELETE FROM inturn_log_event WHERE place <= ?1
