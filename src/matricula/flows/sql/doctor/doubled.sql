SELECT format('person %s, course %s: %s live enrollments', person_id, course_id, count(*)) AS detail
  FROM enrollments_enrollment
 WHERE stage IN ('requested', 'validated', 'payment_pending', 'payment_completed', 'confirmed')
 GROUP BY person_id, course_id HAVING count(*) > 1
