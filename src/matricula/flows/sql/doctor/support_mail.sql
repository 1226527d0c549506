-- A mail that waits stands in the outgoing mail with a job; one that is not there was sent.
SELECT format('answer %s of conversation %s was not mailed', number, conversation_id) AS detail
  FROM support_message WHERE author = 'staff' AND mail_id = ''
UNION ALL
SELECT format('answer %s of conversation %s: nothing sends its mail', m.number, m.conversation_id)
  FROM support_message m
  JOIN kernel_outgoingmail o ON o.content -> 'headers' ->> 'Message-ID' = m.mail_id
 WHERE m.author = 'staff'
   AND NOT EXISTS (SELECT 1 FROM procrastinate_jobs j
                    WHERE j.task_name = 'matricula.kernel.jobs.deliver_mail'
                      AND (j.args ->> 'mail_id')::bigint = o.id
                      AND j.status IN ('todo', 'doing'))
