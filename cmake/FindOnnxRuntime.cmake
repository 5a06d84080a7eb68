# ONNX Runtime: a system package first (CMake package, pkg-config), then what scripts/setup brought to .deps/.
# Gives the target OnnxRuntime::OnnxRuntime and OnnxRuntime_LIBRARY, the file of the shared library.

find_package(onnxruntime CONFIG QUIET)
if(TARGET onnxruntime::onnxruntime)
    add_library(OnnxRuntime::OnnxRuntime ALIAS onnxruntime::onnxruntime)
    set(OnnxRuntime_LIBRARY onnxruntime)
    set(OnnxRuntime_ORIGIN "CMake package ${onnxruntime_DIR}")
else()
    find_package(PkgConfig QUIET)
    if(PKG_CONFIG_FOUND)
        pkg_check_modules(onnxruntime_pc QUIET IMPORTED_TARGET GLOBAL libonnxruntime)
    endif()
    if(onnxruntime_pc_FOUND)
        add_library(OnnxRuntime::OnnxRuntime ALIAS PkgConfig::onnxruntime_pc)
        set(OnnxRuntime_LIBRARY ${onnxruntime_pc_LINK_LIBRARIES})
        set(OnnxRuntime_ORIGIN "pkg-config libonnxruntime ${onnxruntime_pc_VERSION}")
    else()
        set(deps ${PROJECT_SOURCE_DIR}/.deps/onnxruntime)
        find_path(OnnxRuntime_INCLUDE_DIR onnxruntime_c_api.h PATHS ${deps}/include NO_DEFAULT_PATH)
        find_library(OnnxRuntime_LIBRARY onnxruntime PATHS ${deps}/lib NO_DEFAULT_PATH)
        if(OnnxRuntime_LIBRARY)
            add_library(OnnxRuntime::OnnxRuntime SHARED IMPORTED)
            set_target_properties(OnnxRuntime::OnnxRuntime PROPERTIES
                IMPORTED_LOCATION ${OnnxRuntime_LIBRARY}
                IMPORTED_IMPLIB ${OnnxRuntime_LIBRARY}
                INTERFACE_INCLUDE_DIRECTORIES ${OnnxRuntime_INCLUDE_DIR})
            set(OnnxRuntime_BUNDLED ON) # goes into the installation
            set(OnnxRuntime_ORIGIN "scripts/setup, in .deps/onnxruntime")
        endif()
    endif()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(OnnxRuntime REQUIRED_VARS OnnxRuntime_LIBRARY
    REASON_FAILURE_MESSAGE "run scripts/setup first, which brings it")
if(OnnxRuntime_FOUND)
    message(STATUS "ONNX Runtime: ${OnnxRuntime_ORIGIN}")
endif()
