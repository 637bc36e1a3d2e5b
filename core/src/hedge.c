/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* To be written. */
#include "object.h"

int trifuse_hedge_config_init(trifuse_hedge_config *config, size_t struct_size) {
    (void)config; (void)struct_size; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_hedge_config_check(const trifuse_hedge_config *config, trifuse_config_error *error) {
    (void)config; (void)error; return TRIFUSE_ERROR_UNSUPPORTED;
}
size_t trifuse_hedge_size(const trifuse_hedge_config *config) {
    (void)config; return 0;
}
int trifuse_hedge_init(void *memory, size_t size, const trifuse_hedge_config *config, uint64_t now_ns, trifuse_config_error *error, trifuse_hedge **hedge) {
    (void)memory; (void)size; (void)config; (void)now_ns; (void)error; (void)hedge; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_hedge_attach(void *memory, size_t size, trifuse_hedge **hedge) {
    (void)memory; (void)size; (void)hedge; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_hedge_new(const trifuse_hedge_config *config, uint64_t now_ns, trifuse_config_error *error, trifuse_hedge **hedge) {
    (void)config; (void)now_ns; (void)error; (void)hedge; return TRIFUSE_ERROR_UNSUPPORTED;
}
void trifuse_hedge_free(trifuse_hedge *hedge) {
    (void)hedge;
}
int trifuse_hedge_deposit(trifuse_hedge *hedge) {
    (void)hedge; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_hedge_try_withdraw(trifuse_hedge *hedge) {
    (void)hedge; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_hedge_get_snapshot(trifuse_hedge *hedge, trifuse_hedge_snapshot *snapshot) {
    (void)hedge; (void)snapshot; return TRIFUSE_ERROR_UNSUPPORTED;
}
