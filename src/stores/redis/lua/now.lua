-- The server's clock.
return now
