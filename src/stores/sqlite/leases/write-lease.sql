-- Gives a lease, or renews it.
INSERT INTO inturn_lease (name, holder, fence, until, lasting) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, fence = excluded.fence, until = excluded.until,
  lasting = max(lasting, excluded.lasting)
