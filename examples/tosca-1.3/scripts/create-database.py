import json
import os
import sqlite3

file = os.environ["FILE"]
with sqlite3.connect(file) as database:
    database.execute("create table if not exists note (text)")
    database.execute("create table if not exists reader (name unique)")
    if not database.execute("select 1 from note").fetchall():
        database.execute("insert into note values ('Water the plants')")
print(json.dumps({"file": file}))
