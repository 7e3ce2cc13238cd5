-- Dead letters of one stream.
CREATE INDEX inturn_dead_letter_path ON inturn_dead_letter (consumer, path)
