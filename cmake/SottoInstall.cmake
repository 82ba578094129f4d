# What is installed: libraries and headers for find_package(sotto) and pkg-config, and the programs. The components are
# the packages of SottoPackages.cmake.
include(CMakePackageConfigHelpers)

set(SOTTO_INSTALL_CMAKEDIR ${CMAKE_INSTALL_LIBDIR}/cmake/sotto)

set(libraries sotto)
set(component_sotto libsotto)
set(component_sotto_relay_lib libsotto-relay)
if(SOTTO_BUILD_RELAY)
  list(APPEND libraries sotto_relay_lib)
  set_target_properties(sotto_relay_lib PROPERTIES EXPORT_NAME relay)
  set_target_properties(sotto_relay_lib_static PROPERTIES EXPORT_NAME relay_static)
endif()

foreach(library ${libraries})
  target_link_options(${library} PRIVATE -Wl,--version-script=${PROJECT_SOURCE_DIR}/cmake/sotto.map)
  set_property(TARGET ${library} APPEND PROPERTY LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/sotto.map)
  install(TARGETS ${library} EXPORT sotto-targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
    COMPONENT ${component_${library}} NAMELINK_COMPONENT libsotto-dev)
  install(TARGETS ${library}_static EXPORT sotto-static-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
    COMPONENT libsotto-dev)
  install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${component_${library}}
    RENAME copyright COMPONENT ${component_${library}})
endforeach()
if(TARGET sotto_libev)
  install(TARGETS sotto_libev sotto_civetweb EXPORT sotto-static-targets COMPONENT libsotto-dev)
endif()
# The static libraries name what they are built on, so their targets are made only where that is installed, too.
install(EXPORT sotto-targets NAMESPACE sotto:: DESTINATION ${SOTTO_INSTALL_CMAKEDIR}
  COMPONENT libsotto-dev)
install(EXPORT sotto-static-targets NAMESPACE sotto:: DESTINATION ${SOTTO_INSTALL_CMAKEDIR} COMPONENT libsotto-dev)

install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/sotto DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT libsotto-dev
  FILES_MATCHING PATTERN "*.h" PATTERN "*.def")
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT libsotto-dev)

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/sotto-config.cmake.in ${PROJECT_BINARY_DIR}/sotto-config.cmake
  INSTALL_DESTINATION ${SOTTO_INSTALL_CMAKEDIR})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/sotto-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/sotto-config.cmake ${PROJECT_BINARY_DIR}/sotto-config-version.cmake
  DESTINATION ${SOTTO_INSTALL_CMAKEDIR} COMPONENT libsotto-dev)

# Relative, so that the tree works wherever it is put.
file(RELATIVE_PATH SOTTO_PC_TO_PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(${PROJECT_SOURCE_DIR}/cmake/sotto.pc.in ${PROJECT_BINARY_DIR}/sotto.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/sotto.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT libsotto-dev)
if(SOTTO_BUILD_RELAY)
  configure_file(${PROJECT_SOURCE_DIR}/cmake/sotto-relay.pc.in ${PROJECT_BINARY_DIR}/sotto-relay.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/sotto-relay.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
    COMPONENT libsotto-dev)
endif()

# The programs find the libraries beside themselves, wherever the tree is put.
file(RELATIVE_PATH bin_to_lib ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
foreach(program sotto-relay sotto-chat sotto-rpc)
  if(TARGET ${program})
    set_target_properties(${program} PROPERTIES INSTALL_RPATH "$ORIGIN/${bin_to_lib}")
    install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT ${program})
  endif()
endforeach()

if(TARGET sotto-relay)
  set(relay_docs ${CMAKE_INSTALL_DATADIR}/doc/sotto-relay)
  install(FILES ${PROJECT_SOURCE_DIR}/docs/operating.md ${PROJECT_SOURCE_DIR}/examples/relay/relay.conf
    ${PROJECT_SOURCE_DIR}/examples/relay/grafana.json DESTINATION ${relay_docs} COMPONENT sotto-relay)
  install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${relay_docs} RENAME copyright COMPONENT sotto-relay)
  # Made at the installation, when it is known where: `cmake --install --prefix` and the packages have their own prefix.
  install(CODE "
    set(SOTTO_BINDIR \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}\")
    set(SOTTO_RELAY_DOCDIR \"\${CMAKE_INSTALL_PREFIX}/${relay_docs}\")
    configure_file(\"${PROJECT_SOURCE_DIR}/examples/relay/sotto-relay.service.in\"
      \"${PROJECT_BINARY_DIR}/sotto-relay.service\" @ONLY)" COMPONENT sotto-relay)
  install(FILES ${PROJECT_BINARY_DIR}/sotto-relay.service DESTINATION lib/systemd/system COMPONENT sotto-relay)
endif()
