// Marks what a shared build of the library exports; everything else has hidden visibility.
#pragma once

#if defined(_WIN32)
#define SOTTO_API
#else
#define SOTTO_API __attribute__((visibility("default")))
#endif
