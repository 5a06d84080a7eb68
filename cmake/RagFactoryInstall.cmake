# cmake --install: header, libraries, program, pkg-config file, CMake package; and ONNX Runtime with its licences where
# scripts/setup brought it.

include(CMakePackageConfigHelpers)

install(FILES include/rag_factory.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS rag_factory_shared rag_factory_static
        RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS rag-factory RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES third_party/yyjson/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME LICENSE.yyjson)

if(OnnxRuntime_BUNDLED)
    get_filename_component(ort_folder ${OnnxRuntime_LIBRARY} DIRECTORY)
    install(DIRECTORY ${ort_folder}/ DESTINATION ${CMAKE_INSTALL_LIBDIR} FILES_MATCHING PATTERN "*onnxruntime.*")
    install(FILES ${ort_folder}/../LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME LICENSE.onnxruntime)
    install(FILES ${ort_folder}/../ThirdPartyNotices.txt DESTINATION ${CMAKE_INSTALL_DOCDIR}
            RENAME ThirdPartyNotices.onnxruntime)
endif()

# The prefix relative to the .pc file, so that the installation can be moved.
file(RELATIVE_PATH to_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
set(RF_PC_PREFIX "\${pcfiledir}/${to_prefix}")
configure_file(cmake/rag_factory.pc.in ${CMAKE_CURRENT_BINARY_DIR}/rag_factory.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/rag_factory.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/rag_factory)
configure_package_config_file(cmake/rag_factory-config.cmake.in
    ${CMAKE_CURRENT_BINARY_DIR}/rag_factory-config.cmake INSTALL_DESTINATION ${package})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/rag_factory-config-version.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/rag_factory-config.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/rag_factory-config-version.cmake DESTINATION ${package})
