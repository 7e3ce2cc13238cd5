-- The number of an id.
CREATE UNIQUE INDEX inturn_assigned_id ON inturn_assigned (scope, domain, stream, id)
