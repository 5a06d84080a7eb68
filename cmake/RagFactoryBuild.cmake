# How everything of ours is compiled, and what a folder of src/ is.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

add_library(rf_flags INTERFACE)
target_compile_definitions(rf_flags INTERFACE $<$<NOT:$<PLATFORM_ID:Windows>>:_DEFAULT_SOURCE>
                                              $<$<PLATFORM_ID:Darwin>:_DARWIN_C_SOURCE>)
if(MSVC)
    target_compile_options(rf_flags INTERFACE /W4)
else()
    target_compile_options(rf_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wvla $<$<BOOL:${RF_WERROR}>:-Werror>
                           $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes -Wmissing-prototypes>
                           # gcc's guess that a message may be cut: snprintf is there to cut it
                           $<$<C_COMPILER_ID:GNU>:-Wno-format-truncation>)
endif()
if(RF_SANITIZE)
    set(sanitizers -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
    add_compile_options(${sanitizers})
    add_link_options(${sanitizers})
endif()
if(RF_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# rf_folder(NAME [dependencies…]): src/NAME/*.c as the library rf_NAME. The dependencies are the folders (rf_…) and
# outside libraries that it may use; tools/check_includes holds the #includes against src/README.md.
function(rf_folder name)
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.c)
    add_library(rf_${name} STATIC ${sources})
    target_include_directories(rf_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
    target_compile_definitions(rf_${name} PUBLIC RF_BUILD)
    target_link_libraries(rf_${name} PRIVATE rf_flags PUBLIC ${ARGN})
    set_property(GLOBAL APPEND PROPERTY rf_folders rf_${name})
endfunction()

# rf_kernels(FOLDER): engine's kernels, kernels_KIND.c compiled for the instruction set KIND where this processor's family
# has it; the file is empty elsewhere. Optimized in every build, since a slow kernel tests nothing more than a fast one
# and the tests run millions of products - but for libFuzzer, whose counters in unrolled loops take clang many minutes and
# whose targets are parsers; and as written: no a * b + c contracted, so that all kinds give the same bits.
function(rf_kernels folder)
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${folder}/*.c)
    target_sources(rf_engine PRIVATE ${sources})
    if(MSVC)
        return()
    endif()
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64|amd64")
        set(avx2 -mavx2 -mfma)
        set(avx512 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vnni -mfma)
    elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64|ARM64")
        set(neon -march=armv8.2-a+dotprod)
    endif()
    # Under the sanitizers gcc takes a minute a file at -O3, a tenth of that at -O1.
    set(level "$<IF:$<BOOL:${RF_FUZZ}>,-O0,$<IF:$<CONFIG:Debug>,-O1,-O3>>")
    foreach(kind IN ITEMS plain avx2 avx512 neon)
        set_source_files_properties(${CMAKE_CURRENT_SOURCE_DIR}/${folder}/kernels_${kind}.c PROPERTIES
                                    COMPILE_OPTIONS "${level};-ffp-contract=off;${${kind}}")
    endforeach()
endfunction()
