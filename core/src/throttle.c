/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* To be written. */
#include "object.h"

int trifuse_throttle_config_init(trifuse_throttle_config *config, size_t struct_size) {
    (void)config; (void)struct_size; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_throttle_config_check(const trifuse_throttle_config *config, trifuse_config_error *error) {
    (void)config; (void)error; return TRIFUSE_ERROR_UNSUPPORTED;
}
size_t trifuse_throttle_size(const trifuse_throttle_config *config) {
    (void)config; return 0;
}
int trifuse_throttle_init(void *memory, size_t size, const trifuse_throttle_config *config, uint64_t now_ns, trifuse_config_error *error, trifuse_throttle **throttle) {
    (void)memory; (void)size; (void)config; (void)now_ns; (void)error; (void)throttle; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_throttle_attach(void *memory, size_t size, trifuse_throttle **throttle) {
    (void)memory; (void)size; (void)throttle; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_throttle_new(const trifuse_throttle_config *config, uint64_t now_ns, trifuse_config_error *error, trifuse_throttle **throttle) {
    (void)config; (void)now_ns; (void)error; (void)throttle; return TRIFUSE_ERROR_UNSUPPORTED;
}
void trifuse_throttle_free(trifuse_throttle *throttle) {
    (void)throttle;
}
int trifuse_throttle_try_acquire(trifuse_throttle *throttle, uint64_t now_ns) {
    (void)throttle; (void)now_ns; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_throttle_accept(trifuse_throttle *throttle, uint64_t now_ns) {
    (void)throttle; (void)now_ns; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_throttle_get_snapshot(trifuse_throttle *throttle, uint64_t now_ns, trifuse_throttle_snapshot *snapshot) {
    (void)throttle; (void)now_ns; (void)snapshot; return TRIFUSE_ERROR_UNSUPPORTED;
}
