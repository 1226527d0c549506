"""What tests share: a database server, fresh databases, and a really running site."""
