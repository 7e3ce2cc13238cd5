-- Dead letters that wait to be admitted again, in the order of their stream.
CREATE INDEX inturn_dead_letter_overflow ON inturn_dead_letter (consumer, path, epoch, sequence)
WHERE reason = 'overflow'
