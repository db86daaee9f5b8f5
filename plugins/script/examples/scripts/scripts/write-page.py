"""Writes the page; run again, it writes the same."""

import html
import os
from pathlib import Path

title = html.escape(os.environ["TITLE"])
Path(os.environ["FOLDER"], "index.html").write_text(f"<!doctype html>\n<title>{title}</title>\n<h1>{title}</h1>\n")
print("wrote", Path(os.environ["FOLDER"], "index.html"))
