"""Renderers: results in; text, pages, pictures and tables out. A renderer writes no file and starts nothing.

Reading order: `rows` (words and numbers that all forms share) and `document` (a result as pages and pictures see it);
for terminals `text`, `comparison`, `crashes`, `exploration` with `interleaving`, `strategy_table` and `listing`, which
`safe_console` prints; for files the folders `exports` and `page`.
"""
