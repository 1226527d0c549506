-- The note is `pricing.tax.NOTE_REVERSE_CHARGE`, as the order keeps it.
SELECT format('order %s: reverse charge without a confirmed VAT id', o.id) AS detail
  FROM orders_order o
 WHERE o.notes @> '["Reverse charge: VAT is owed by the recipient."]'
   AND (o.tax_id = '' OR o.tax_evidence = '')
