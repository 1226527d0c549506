SELECT format('key %s of %s', key, owner) AS detail
  FROM kernel_rememberedanswer
 WHERE (status IS NULL) <> (body IS NULL) OR status IS NULL AND lease_until IS NULL
