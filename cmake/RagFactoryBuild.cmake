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
