#include <sqlite3.h>
#include <stddef.h>

// SQLITE_TRANSIENT is a cast that Swift cannot import: SQLite copies what it binds.
static inline int podstack_bind_text(sqlite3_stmt *statement, int index, const char *text, int length) {
    return sqlite3_bind_text(statement, index, text, length, SQLITE_TRANSIENT);
}

static inline int podstack_bind_blob(sqlite3_stmt *statement, int index, const void *bytes, int length) {
    return length == 0 ? sqlite3_bind_zeroblob(statement, index, 0)
                       : sqlite3_bind_blob(statement, index, bytes, length, SQLITE_TRANSIENT);
}

// Reads bytes of the main database file itself, without the write-ahead log. Returns a result code of SQLite.
static inline int podstack_read_file(sqlite3 *database, void *bytes, int count, sqlite3_int64 offset) {
    sqlite3_file *file = NULL;
    int code = sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (code != SQLITE_OK || file == NULL || file->pMethods == NULL) return SQLITE_ERROR;
    return file->pMethods->xRead(file, bytes, count, offset);
}

// Does not copy the write-ahead log into the database when the connection is closed: sqlite3_db_config is variadic.
static inline void podstack_keep_log(sqlite3 *database) {
    sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
}
