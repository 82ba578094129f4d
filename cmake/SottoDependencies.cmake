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
endif()
