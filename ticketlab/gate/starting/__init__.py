"""How executions of a program begin: by a warm interpreter that is forked, and that leaves nothing behind."""
