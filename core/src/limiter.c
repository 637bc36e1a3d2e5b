/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* To be written. */
#include "object.h"

int trifuse_limiter_config_init(trifuse_limiter_config *config, size_t struct_size, uint32_t preset) {
    (void)config; (void)struct_size; (void)preset; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_limiter_config_check(const trifuse_limiter_config *config, trifuse_config_error *error) {
    (void)config; (void)error; return TRIFUSE_ERROR_UNSUPPORTED;
}
size_t trifuse_limiter_size(const trifuse_limiter_config *config) {
    (void)config; return 0;
}
int trifuse_limiter_init(void *memory, size_t size, const trifuse_limiter_config *config, uint64_t now_ns, trifuse_config_error *error, trifuse_limiter **limiter) {
    (void)memory; (void)size; (void)config; (void)now_ns; (void)error; (void)limiter; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_limiter_attach(void *memory, size_t size, trifuse_limiter **limiter) {
    (void)memory; (void)size; (void)limiter; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_limiter_new(const trifuse_limiter_config *config, uint64_t now_ns, trifuse_config_error *error, trifuse_limiter **limiter) {
    (void)config; (void)now_ns; (void)error; (void)limiter; return TRIFUSE_ERROR_UNSUPPORTED;
}
void trifuse_limiter_free(trifuse_limiter *limiter) {
    (void)limiter;
}
int trifuse_limiter_try_acquire(trifuse_limiter *limiter, uint64_t n, uint64_t now_ns, uint64_t *wait_ns) {
    (void)limiter; (void)n; (void)now_ns; (void)wait_ns; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_limiter_reserve(trifuse_limiter *limiter, uint64_t n, uint64_t now_ns, uint64_t max_wait_ns, trifuse_reservation *reservation) {
    (void)limiter; (void)n; (void)now_ns; (void)max_wait_ns; (void)reservation; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_limiter_cancel(trifuse_limiter *limiter, const trifuse_reservation *reservation, uint64_t now_ns, uint64_t *given_back) {
    (void)limiter; (void)reservation; (void)now_ns; (void)given_back; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_limiter_refund(trifuse_limiter *limiter, uint64_t n, uint64_t now_ns) {
    (void)limiter; (void)n; (void)now_ns; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_limiter_debit(trifuse_limiter *limiter, uint64_t n, uint64_t now_ns) {
    (void)limiter; (void)n; (void)now_ns; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_limiter_set_rate(trifuse_limiter *limiter, const trifuse_limiter_config *config, uint64_t now_ns, trifuse_config_error *error) {
    (void)limiter; (void)config; (void)now_ns; (void)error; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_limiter_set_permits(trifuse_limiter *limiter, uint64_t permits, uint64_t now_ns, trifuse_config_error *error) {
    (void)limiter; (void)permits; (void)now_ns; (void)error; return TRIFUSE_ERROR_UNSUPPORTED;
}
uint64_t trifuse_limiter_available(trifuse_limiter *limiter, uint64_t now_ns) {
    (void)limiter; (void)now_ns; return 0;
}
int trifuse_limiter_get_snapshot(trifuse_limiter *limiter, uint64_t now_ns, trifuse_limiter_snapshot *snapshot) {
    (void)limiter; (void)now_ns; (void)snapshot; return TRIFUSE_ERROR_UNSUPPORTED;
}
