/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* To be written. */
#include "object.h"

int trifuse_retry_budget_config_init(trifuse_retry_budget_config *config, size_t struct_size) {
    (void)config; (void)struct_size; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_retry_budget_config_check(const trifuse_retry_budget_config *config, trifuse_config_error *error) {
    (void)config; (void)error; return TRIFUSE_ERROR_UNSUPPORTED;
}
size_t trifuse_retry_budget_size(const trifuse_retry_budget_config *config) {
    (void)config; return 0;
}
int trifuse_retry_budget_init(void *memory, size_t size, const trifuse_retry_budget_config *config, uint64_t now_ns, trifuse_config_error *error, trifuse_retry_budget **budget) {
    (void)memory; (void)size; (void)config; (void)now_ns; (void)error; (void)budget; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_retry_budget_attach(void *memory, size_t size, trifuse_retry_budget **budget) {
    (void)memory; (void)size; (void)budget; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_retry_budget_new(const trifuse_retry_budget_config *config, uint64_t now_ns, trifuse_config_error *error, trifuse_retry_budget **budget) {
    (void)config; (void)now_ns; (void)error; (void)budget; return TRIFUSE_ERROR_UNSUPPORTED;
}
void trifuse_retry_budget_free(trifuse_retry_budget *budget) {
    (void)budget;
}
int trifuse_retry_budget_deposit(trifuse_retry_budget *budget, uint64_t now_ns) {
    (void)budget; (void)now_ns; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_retry_budget_try_withdraw(trifuse_retry_budget *budget, uint64_t now_ns) {
    (void)budget; (void)now_ns; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_retry_budget_get_snapshot(trifuse_retry_budget *budget, uint64_t now_ns, trifuse_retry_budget_snapshot *snapshot) {
    (void)budget; (void)now_ns; (void)snapshot; return TRIFUSE_ERROR_UNSUPPORTED;
}
