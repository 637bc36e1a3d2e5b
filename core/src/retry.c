/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* To be written. */
#include "object.h"

int trifuse_retry_config_init(trifuse_retry_config *config, size_t struct_size, uint32_t preset) {
    (void)config; (void)struct_size; (void)preset; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_retry_config_check(const trifuse_retry_config *config, trifuse_config_error *error) {
    (void)config; (void)error; return TRIFUSE_ERROR_UNSUPPORTED;
}
size_t trifuse_retry_size(const trifuse_retry_config *config) {
    (void)config; return 0;
}
int trifuse_retry_init(void *memory, size_t size, const trifuse_retry_config *config, uint64_t now_ns, trifuse_config_error *error, trifuse_retry **retry) {
    (void)memory; (void)size; (void)config; (void)now_ns; (void)error; (void)retry; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_retry_attach(void *memory, size_t size, trifuse_retry **retry) {
    (void)memory; (void)size; (void)retry; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_retry_new(const trifuse_retry_config *config, uint64_t now_ns, trifuse_config_error *error, trifuse_retry **retry) {
    (void)config; (void)now_ns; (void)error; (void)retry; return TRIFUSE_ERROR_UNSUPPORTED;
}
void trifuse_retry_free(trifuse_retry *retry) {
    (void)retry;
}
int trifuse_retry_max_total(const trifuse_retry_config *config, uint64_t attempt_timeout_ns, uint64_t *total_ns, trifuse_config_error *error) {
    (void)config; (void)attempt_timeout_ns; (void)total_ns; (void)error; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_retry_begin(trifuse_retry *retry, uint64_t now_ns, trifuse_retry_call *attempt) {
    (void)retry; (void)now_ns; (void)attempt; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_retry_next(trifuse_retry *retry, trifuse_retry_budget *budget, trifuse_retry_call *attempt, uint64_t retry_after_ns, uint64_t own_delay_ns, uint64_t now_ns, uint64_t *delay_ns) {
    (void)retry; (void)budget; (void)attempt; (void)retry_after_ns; (void)own_delay_ns; (void)now_ns; (void)delay_ns; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_retry_settle(trifuse_retry *retry, uint32_t retries, int ok) {
    (void)retry; (void)retries; (void)ok; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_retry_reconfigure(trifuse_retry *retry, const trifuse_retry_config *config, trifuse_config_error *error) {
    (void)retry; (void)config; (void)error; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_retry_get_snapshot(trifuse_retry *retry, trifuse_retry_snapshot *snapshot) {
    (void)retry; (void)snapshot; return TRIFUSE_ERROR_UNSUPPORTED;
}
