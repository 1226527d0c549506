"""The outside: pages, JSON, console. Edges translate; decisions are made below."""
