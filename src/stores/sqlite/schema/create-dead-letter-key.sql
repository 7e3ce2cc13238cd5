-- One dead letter a key.
CREATE UNIQUE INDEX inturn_dead_letter_key ON inturn_dead_letter (consumer, key)
