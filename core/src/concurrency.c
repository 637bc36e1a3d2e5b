/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* To be written. */
#include "object.h"

int trifuse_concurrency_config_init(trifuse_concurrency_config *config, size_t struct_size, uint32_t algorithm) {
    (void)config; (void)struct_size; (void)algorithm; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_concurrency_config_check(const trifuse_concurrency_config *config, trifuse_config_error *error) {
    (void)config; (void)error; return TRIFUSE_ERROR_UNSUPPORTED;
}
size_t trifuse_concurrency_size(const trifuse_concurrency_config *config) {
    (void)config; return 0;
}
int trifuse_concurrency_init(void *memory, size_t size, const trifuse_concurrency_config *config, uint64_t now_ns, trifuse_config_error *error, trifuse_concurrency **concurrency) {
    (void)memory; (void)size; (void)config; (void)now_ns; (void)error; (void)concurrency; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_concurrency_attach(void *memory, size_t size, trifuse_concurrency **concurrency) {
    (void)memory; (void)size; (void)concurrency; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_concurrency_new(const trifuse_concurrency_config *config, uint64_t now_ns, trifuse_config_error *error, trifuse_concurrency **concurrency) {
    (void)config; (void)now_ns; (void)error; (void)concurrency; return TRIFUSE_ERROR_UNSUPPORTED;
}
void trifuse_concurrency_free(trifuse_concurrency *concurrency) {
    (void)concurrency;
}
int trifuse_concurrency_try_acquire(trifuse_concurrency *concurrency) {
    (void)concurrency; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_concurrency_release(trifuse_concurrency *concurrency, uint32_t outcome, uint64_t duration_ns) {
    (void)concurrency; (void)outcome; (void)duration_ns; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_concurrency_set_limit(trifuse_concurrency *concurrency, uint32_t limit, trifuse_config_error *error) {
    (void)concurrency; (void)limit; (void)error; return TRIFUSE_ERROR_UNSUPPORTED;
}
uint32_t trifuse_concurrency_limit(const trifuse_concurrency *concurrency) {
    (void)concurrency; return 0;
}
uint64_t trifuse_concurrency_in_flight(const trifuse_concurrency *concurrency) {
    (void)concurrency; return 0;
}
int trifuse_concurrency_get_snapshot(trifuse_concurrency *concurrency, trifuse_concurrency_snapshot *snapshot) {
    (void)concurrency; (void)snapshot; return TRIFUSE_ERROR_UNSUPPORTED;
}
