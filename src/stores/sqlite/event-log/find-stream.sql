-- One stream of the log.
SELECT id, head FROM inturn_log_stream WHERE domain = ?1 AND stream = ?2
