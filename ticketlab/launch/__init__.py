"""How buyers are started, set going, recorded and brought home: one file per launcher."""
