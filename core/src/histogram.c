/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* To be written. */
#include "object.h"

int trifuse_histogram_config_init(trifuse_histogram_config *config, size_t struct_size) {
    (void)config; (void)struct_size; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_histogram_config_check(const trifuse_histogram_config *config, trifuse_config_error *error) {
    (void)config; (void)error; return TRIFUSE_ERROR_UNSUPPORTED;
}
size_t trifuse_histogram_size(const trifuse_histogram_config *config) {
    (void)config; return 0;
}
int trifuse_histogram_init(void *memory, size_t size, const trifuse_histogram_config *config, uint64_t now_ns, trifuse_config_error *error, trifuse_histogram **histogram) {
    (void)memory; (void)size; (void)config; (void)now_ns; (void)error; (void)histogram; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_histogram_attach(void *memory, size_t size, trifuse_histogram **histogram) {
    (void)memory; (void)size; (void)histogram; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_histogram_new(const trifuse_histogram_config *config, uint64_t now_ns, trifuse_config_error *error, trifuse_histogram **histogram) {
    (void)config; (void)now_ns; (void)error; (void)histogram; return TRIFUSE_ERROR_UNSUPPORTED;
}
void trifuse_histogram_free(trifuse_histogram *histogram) {
    (void)histogram;
}
int trifuse_histogram_record(trifuse_histogram *histogram, uint64_t value_ns, uint64_t now_ns) {
    (void)histogram; (void)value_ns; (void)now_ns; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_histogram_quantile(trifuse_histogram *histogram, double quantile, uint64_t now_ns, uint64_t *value_ns) {
    (void)histogram; (void)quantile; (void)now_ns; (void)value_ns; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_histogram_merge(trifuse_histogram *into, trifuse_histogram *from, uint64_t now_ns) {
    (void)into; (void)from; (void)now_ns; return TRIFUSE_ERROR_UNSUPPORTED;
}
int trifuse_histogram_get_snapshot(trifuse_histogram *histogram, uint64_t now_ns, trifuse_histogram_snapshot *snapshot) {
    (void)histogram; (void)now_ns; (void)snapshot; return TRIFUSE_ERROR_UNSUPPORTED;
}
