// The relay passes each message from thread to thread, and so from one of the C library's arenas to another: jemalloc
// does that for a quarter less of all its time (docs/performance.md).

extern "C" {

/// Read by jemalloc before anything is allocated. One arena, since the threads take turns rather than work side by
/// side; what is free is given back after a second.
[[gnu::visibility("default")]] extern const char* const malloc_conf;
const char* const malloc_conf = "narenas:1,dirty_decay_ms:1000,muzzy_decay_ms:0";

}  // extern "C"
