// The parts of libsecret and GLib that are used. They are declared here instead of included: only pkg-config knows where
// the headers are, and SwiftPM rejects some of its flags for GLib with a warning in every build. `scripts/linkage`
// compares these declarations with the headers.

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct _GCancellable GCancellable;
typedef struct _GError GError;
typedef struct _GHashTable GHashTable;
typedef struct _GList GList;
typedef struct _SecretCollection SecretCollection;
typedef struct _SecretItem SecretItem;
typedef struct _SecretService SecretService;
typedef struct _SecretValue SecretValue;

#ifndef __G_LIB_H__
typedef struct _SecretSchema SecretSchema;
struct _GError {
    uint32_t domain;
    int code;
    char *message;
};
struct _GList {
    void *data;
    GList *next;
    GList *prev;
};
#endif

static const unsigned podstack_service_open_session = 1 << 1;
static const unsigned podstack_search_all = 1 << 1;
static const unsigned podstack_search_unlock = 1 << 2;
static const unsigned podstack_search_load_secrets = 1 << 3;
static const int podstack_secret_is_locked = 2;
static const int podstack_dbus_service_unknown = 2;
#ifdef __G_LIB_H__
_Static_assert(SECRET_SERVICE_OPEN_SESSION == 1 << 1 && SECRET_SEARCH_ALL == 1 << 1, "");
_Static_assert(SECRET_SEARCH_UNLOCK == 1 << 2 && SECRET_SEARCH_LOAD_SECRETS == 1 << 3, "");
_Static_assert(SECRET_ERROR_IS_LOCKED == 2 && G_DBUS_ERROR_SERVICE_UNKNOWN == 2, "");
#endif

// In parentheses, since some are macros too.
extern void(g_free)(void *);
extern void(g_object_unref)(void *);
extern void(g_error_free)(GError *);
extern GList *(g_list_append)(GList *, void *);
extern void(g_list_free)(GList *);
extern void(g_list_free_full)(GList *, void (*)(void *));
extern unsigned(g_str_hash)(const void *);
extern int(g_str_equal)(const void *, const void *);
extern GHashTable *(g_hash_table_new)(unsigned (*)(const void *), int (*)(const void *, const void *));
extern int(g_hash_table_insert)(GHashTable *, void *, void *);
extern void(g_hash_table_unref)(GHashTable *);
extern uint32_t(g_dbus_error_quark)(void);
extern uint32_t(secret_error_get_quark)(void);

extern SecretService *(secret_service_get_sync)(unsigned, GCancellable *, GError **);
extern int(secret_service_unlock_sync)(SecretService *, GList *, GCancellable *, GList **, GError **);
extern GList *(secret_service_search_sync)(
    SecretService *, const SecretSchema *, GHashTable *, unsigned, GCancellable *, GError **);
extern int(secret_service_store_sync)(
    SecretService *, const SecretSchema *, GHashTable *, const char *, const char *, SecretValue *, GCancellable *,
    GError **);
extern int(secret_service_clear_sync)(SecretService *, const SecretSchema *, GHashTable *, GCancellable *, GError **);
extern SecretCollection *(secret_collection_for_alias_sync)(
    SecretService *, const char *, unsigned, GCancellable *, GError **);
extern int(secret_collection_get_locked)(SecretCollection *);
extern int(secret_item_get_locked)(SecretItem *);
extern SecretValue *(secret_item_get_secret)(SecretItem *);
extern char *(secret_item_get_label)(SecretItem *);
extern SecretValue *(secret_value_new)(const char *, ssize_t, const char *);
extern const char *(secret_value_get_text)(SecretValue *);
extern void(secret_value_unref)(void *);

// The attributes by which an entry is found. Both strings must outlive the table.
static inline GHashTable *podstack_attributes(const char *entry) {
    GHashTable *table = (g_hash_table_new)(g_str_hash, g_str_equal);
    (g_hash_table_insert)(table, (void *)"xdg:schema", (void *)"ai.podstack.Token");
    (g_hash_table_insert)(table, (void *)"entry", (void *)entry);
    return table;
}
