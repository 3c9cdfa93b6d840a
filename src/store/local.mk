# store: SQLite and its writer thread; the only place with sqlite3.h.
