/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the objects of all policies have in common: how they come to be.
 *
 * Word 0 is the kind's magic, word 1 the number of words. OBJECT_FUNCTIONS(name) defines
 * trifuse_<name>_config_check, _size, _init, _attach, _new and _free from three functions of the kind:
 *   int <name>_take(const config *given, config *known, error)   reads and checks
 *   size_t <name>_words(const config *known)                      the words it needs
 *   void <name>_write(word *w, const config *known, uint64_t now) fills them: all are 0 before
 * The magic is written last: a half-made object is none. */
#ifndef TRIFUSE_OBJECT_H
#define TRIFUSE_OBJECT_H

#include "fields.h"

enum { O_MAGIC, O_WORDS, O_FIRST };

static void *allocate(size_t size);
static void release(void *memory);
static int check_memory(const void *memory, size_t size, size_t least);

static inline size_t object_bytes(size_t words) { return (words + 7) / 8 * 64; }

static inline void object_begin(void *memory, size_t words) {
    memset(memory, 0, object_bytes(words));
    word *w = memory;
    store_release(&w[O_WORDS], words);
}

static inline int object_attach(void *memory, size_t size, uint64_t magic) {
    int result = check_memory(memory, size, O_FIRST * sizeof(word));
    if (result != TRIFUSE_OK) return result;
    word *w = memory;
    if (load_acquire(&w[O_MAGIC]) != magic) return TRIFUSE_ERROR_NOT_AN_OBJECT;
    return size / sizeof(word) < load_relaxed(&w[O_WORDS]) ? TRIFUSE_ERROR_MEMORY_SIZE : TRIFUSE_OK;
}

#define OBJECT_FUNCTIONS(name, magic)                                                                    \
    int trifuse_##name##_config_check(const trifuse_##name##_config *config, trifuse_config_error *error) { \
        trifuse_##name##_config known;                                                                   \
        return name##_take(config, &known, error);                                                       \
    }                                                                                                    \
    size_t trifuse_##name##_size(const trifuse_##name##_config *config) {                                \
        trifuse_##name##_config known;                                                                   \
        return name##_take(config, &known, NULL) == TRIFUSE_OK ? object_bytes(name##_words(&known)) : 0; \
    }                                                                                                    \
    static void name##_make(void *memory, const trifuse_##name##_config *known, uint64_t now_ns) {       \
        object_begin(memory, name##_words(known));                                                       \
        word *w = memory;                                                                                \
        name##_write(w, known, now_ns ? now_ns : trifuse_now_ns());                                      \
        store_release(&w[O_MAGIC], magic);                                                               \
    }                                                                                                    \
    int trifuse_##name##_init(void *memory, size_t size, const trifuse_##name##_config *config,          \
                              uint64_t now_ns, trifuse_config_error *error, trifuse_##name **made) {     \
        if (!memory || !made) return TRIFUSE_ERROR_ARGUMENT;                                             \
        trifuse_##name##_config known;                                                                   \
        int result = name##_take(config, &known, error);                                                 \
        if (result == TRIFUSE_OK) result = check_memory(memory, size, object_bytes(name##_words(&known))); \
        if (result != TRIFUSE_OK) return result;                                                         \
        name##_make(memory, &known, now_ns);                                                             \
        *made = memory;                                                                                  \
        return TRIFUSE_OK;                                                                               \
    }                                                                                                    \
    int trifuse_##name##_attach(void *memory, size_t size, trifuse_##name **made) {                      \
        if (!memory || !made) return TRIFUSE_ERROR_ARGUMENT;                                             \
        int result = object_attach(memory, size, magic);                                                 \
        if (result == TRIFUSE_OK) *made = memory;                                                        \
        return result;                                                                                   \
    }                                                                                                    \
    int trifuse_##name##_new(const trifuse_##name##_config *config, uint64_t now_ns,                     \
                             trifuse_config_error *error, trifuse_##name **made) {                       \
        if (!config || !made) return TRIFUSE_ERROR_ARGUMENT;                                             \
        trifuse_##name##_config known;                                                                   \
        int result = name##_take(config, &known, error);                                                 \
        if (result != TRIFUSE_OK) return result;                                                         \
        void *memory = allocate(object_bytes(name##_words(&known)));                                     \
        if (!memory) return TRIFUSE_ERROR_NO_MEMORY;                                                     \
        name##_make(memory, &known, now_ns);                                                             \
        *made = memory;                                                                                  \
        return TRIFUSE_OK;                                                                               \
    }                                                                                                    \
    void trifuse_##name##_free(trifuse_##name *made) { release(made); }

#endif
