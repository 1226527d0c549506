SELECT format('answer %s of conversation %s was not mailed', number, conversation_id) AS detail
  FROM support_message m
 WHERE m.author = 'staff'
   AND NOT EXISTS (SELECT 1 FROM notifications_delivery d WHERE d.message_id_header = m.mail_id)
