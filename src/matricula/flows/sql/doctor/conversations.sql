-- The last message decides: the person's opens, staff's lets wait, a note closes or reopens.
SELECT format('conversation %s is %s, numbered up to %s; it has %s messages, the last by %s',
              c.id, c.state, c.last_number, counted.messages, coalesce(last.author, 'nobody'))
         AS detail
  FROM support_conversation c
  LEFT JOIN (SELECT conversation_id, count(*) AS messages FROM support_message
              GROUP BY conversation_id) counted ON counted.conversation_id = c.id
  LEFT JOIN support_message last
    ON last.conversation_id = c.id AND last.number = c.last_number
 WHERE counted.messages IS DISTINCT FROM c.last_number
    OR c.state IS DISTINCT FROM
       CASE WHEN last.author = 'person' THEN 'open'
            WHEN last.author = 'staff' THEN 'waiting'
            WHEN last.content = 'reopened' THEN 'open'
            WHEN last.content = 'closed' THEN 'closed' END
