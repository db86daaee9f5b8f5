import os
import sqlite3

with sqlite3.connect(os.environ["FILE"]) as database:
    database.execute("insert or ignore into reader values (?)", [os.environ["READER"]])
