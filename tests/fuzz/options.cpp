// AddressSanitizer's defaults for fuzzing: short stacks and a small quarantine, since SQLite and protobuf allocate
// much.
extern "C" const char* __asan_default_options();
extern "C" const char* __asan_default_options() {
  return "malloc_context_size=6:quarantine_size_mb=16:max_malloc_fill_size=0:detect_stack_use_after_return=0";
}
