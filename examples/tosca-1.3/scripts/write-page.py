import html
import os
import sqlite3

database = sqlite3.connect(os.environ["FILE"])
readers = [name for (name,) in database.execute("select name from reader")]
assert readers, "nobody may read the notes"
notes = "".join(f"<li>{html.escape(text)}</li>" for (text,) in database.execute("select text from note"))
with open(os.environ["PAGE"], "w") as page:
    page.write(f"<h1>{html.escape(os.environ['TITLE'])}</h1><ul>{notes}</ul>\n")
