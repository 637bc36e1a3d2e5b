/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* How an object comes to be, for every kind alike: CHECK_MAKING(name, good, bad, field), where `bad` is a
 * configuration refused for `field`, checks _size, _init, _attach, _new and _free. */
#ifndef TRIFUSE_TESTS_OBJECTS_H
#define TRIFUSE_TESTS_OBJECTS_H

#include "support.h"

static _Alignas(64) uint64_t making_room[1024], making_copy[1024];

#define CHECK_MAKING(name, good, bad, refused_field)                                                         \
    do {                                                                                                     \
        size_t size = trifuse_##name##_size(&good);                                                          \
        unsigned char *bytes = (unsigned char *)making_room;                                                 \
        trifuse_##name *made = NULL, *found = NULL;                                                          \
        trifuse_config_error reason = blank_error();                                                         \
        memset(making_room, 0xEE, sizeof making_room);                                                       \
        CHECK(size > 0 && size % 64 == 0 && size < sizeof making_room);                                      \
        CHECK(trifuse_##name##_size(&bad) == 0 && trifuse_##name##_size(NULL) == 0);                         \
        CHECK_EQ(trifuse_##name##_init(NULL, size, &good, 1, NULL, &made), TRIFUSE_ERROR_ARGUMENT);          \
        CHECK_EQ(trifuse_##name##_init(bytes, size, &good, 1, NULL, NULL), TRIFUSE_ERROR_ARGUMENT);          \
        CHECK_EQ(trifuse_##name##_init(bytes, size, NULL, 1, NULL, &made), TRIFUSE_ERROR_ARGUMENT);          \
        CHECK_EQ(trifuse_##name##_init(bytes, size, &bad, 1, &reason, &made), TRIFUSE_ERROR_CONFIG);         \
        CHECK_EQ(reason.field, refused_field);                                                               \
        CHECK_EQ(trifuse_##name##_init(bytes, size - 1, &good, 1, NULL, &made), TRIFUSE_ERROR_MEMORY_SIZE);  \
        CHECK_EQ(trifuse_##name##_init(bytes + 4, size, &good, 1, NULL, &made), TRIFUSE_ERROR_ALIGNMENT);    \
        CHECK(made == NULL && making_room[0] == 0xEEEEEEEEEEEEEEEEULL);                                      \
        CHECK_EQ(trifuse_##name##_init(bytes, size, &good, 0, NULL, &made), TRIFUSE_OK);                     \
        CHECK((void *)made == (void *)bytes && making_room[size / 8] == 0xEEEEEEEEEEEEEEEEULL);              \
        memcpy(making_copy, making_room, size);                                                              \
        CHECK_EQ(trifuse_##name##_attach(making_copy, size, &found), TRIFUSE_OK);                            \
        CHECK((void *)found == (void *)making_copy);                                                         \
        CHECK_EQ(trifuse_##name##_attach(NULL, size, &found), TRIFUSE_ERROR_ARGUMENT);                       \
        CHECK_EQ(trifuse_##name##_attach(making_copy, size, NULL), TRIFUSE_ERROR_ARGUMENT);                  \
        CHECK_EQ(trifuse_##name##_attach(making_copy, 8, &found), TRIFUSE_ERROR_MEMORY_SIZE);                \
        CHECK_EQ(trifuse_##name##_attach(making_copy, size - 64, &found), TRIFUSE_ERROR_MEMORY_SIZE);        \
        making_copy[0]++;                                                                                    \
        CHECK_EQ(trifuse_##name##_attach(making_copy, size, &found), TRIFUSE_ERROR_NOT_AN_OBJECT);           \
        made = NULL;                                                                                         \
        CHECK_EQ(trifuse_##name##_new(NULL, 1, NULL, &made), TRIFUSE_ERROR_ARGUMENT);                        \
        CHECK_EQ(trifuse_##name##_new(&good, 1, NULL, NULL), TRIFUSE_ERROR_ARGUMENT);                        \
        CHECK_EQ(trifuse_##name##_new(&bad, 1, &reason, &made), TRIFUSE_ERROR_CONFIG);                       \
        CHECK(made == NULL);                                                                                 \
        CHECK_EQ(trifuse_##name##_new(&good, 1, NULL, &made), TRIFUSE_OK);                                   \
        CHECK(made != NULL && (uintptr_t)made % 64 == 0);                                                    \
        trifuse_##name##_free(made);                                                                         \
        trifuse_##name##_free(NULL);                                                                         \
    } while (0)

#endif
