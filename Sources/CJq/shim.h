// The types of libjq that cross its interface. They are declared here instead of included, because the library is loaded
// on demand: only `podstack api --jq` needs it. `scripts/linkage` compares the declarations with the library's header.

typedef struct {
    unsigned char kind_flags;
    unsigned char pad;
    unsigned short offset;
    int size;
    union {
        void *pointer;
        double number;
    } u;
} podstack_jv;

// The kinds of a value.
static const int podstack_jv_kind_invalid = 0;
static const int podstack_jv_kind_string = 5;

#ifdef JV_H
_Static_assert(sizeof(podstack_jv) == sizeof(jv), "");
_Static_assert(JV_KIND_INVALID == 0 && JV_KIND_STRING == 5, "");
#endif
