SELECT format('series %s of %s: last number %s, %s documents numbered %s to %s', s.prefix,
              s.financial_year, s.last_number, count(d.id), min(d.number), max(d.number)) AS detail
  FROM orders_documentseries s LEFT JOIN orders_document d ON d.series_id = s.id
 GROUP BY s.id
HAVING count(d.id) <> s.last_number OR count(d.id) > 0 AND (min(d.number) <> 1
       OR max(d.number) <> s.last_number)
