"""Results in forms that other programs read or that go into a text: CSV, Markdown, a trace for Perfetto, a picture."""
