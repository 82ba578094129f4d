# What Sotto is built on, as Debian 12 packages it. The client needs the first four at run time and nothing else.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(Protobuf REQUIRED)
find_package(OpenSSL REQUIRED)  # libwebsockets' TLS; used directly only to make a certificate and to pin keys
pkg_check_modules(sodium REQUIRED IMPORTED_TARGET libsodium>=1.0.18)
pkg_check_modules(lws REQUIRED IMPORTED_TARGET libwebsockets>=4.1.6)

if(SOTTO_BUILD_RELAY)
  find_library(LIBEV_LIBRARY ev REQUIRED)
  find_path(LIBEV_INCLUDE_DIR ev.h REQUIRED)
  add_library(sotto_libev INTERFACE)
  target_link_libraries(sotto_libev INTERFACE ${LIBEV_LIBRARY})
  target_include_directories(sotto_libev SYSTEM INTERFACE ${LIBEV_INCLUDE_DIR})
  find_package(CLI11 REQUIRED)
  find_package(spdlog REQUIRED)
  pkg_check_modules(curl REQUIRED IMPORTED_TARGET libcurl>=7.88)  # webhooks
  # The admin port. Not by prometheus-cpp's own package file, which asks for its push part, too.
  pkg_check_modules(prometheus REQUIRED IMPORTED_TARGET prometheus-cpp-core>=1.0)
  find_library(CIVETWEB_LIBRARY civetweb REQUIRED)
  find_path(CIVETWEB_INCLUDE_DIR civetweb.h REQUIRED)
  add_library(sotto_civetweb INTERFACE)
  target_link_libraries(sotto_civetweb INTERFACE ${CIVETWEB_LIBRARY})
  target_include_directories(sotto_civetweb SYSTEM INTERFACE ${CIVETWEB_INCLUDE_DIR})
  if(SOTTO_BUILD_EXAMPLES AND NOT SOTTO_SANITIZE)
    pkg_check_modules(jemalloc REQUIRED IMPORTED_TARGET jemalloc)  # sotto-relay; sanitizers bring their own
  endif()
endif()
